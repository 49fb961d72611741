-- What did the same is taken back before it begins, and which tasks do that. NULL: nothing is (any more).
ALTER TABLE "task" ADD COLUMN     "start_over" JSONB;
CREATE INDEX "task_start_over" ON "task" ("id") WHERE "start_over" IS NOT NULL AND "state" = 'queued';
