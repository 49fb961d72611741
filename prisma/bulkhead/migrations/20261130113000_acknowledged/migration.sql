-- Somebody has seen to a task that failed: who and when. Those that nobody has seen to are few, and so are the others.
ALTER TABLE "task" ADD COLUMN     "acknowledged_at" TIMESTAMPTZ,
ADD COLUMN     "acknowledged_by" JSONB;
CREATE INDEX "task_unacknowledged" ON "task" ("state", "id" DESC) WHERE "acknowledged_at" IS NULL AND "state" IN ('partial', 'failed');
CREATE INDEX "task_acknowledged" ON "task" ("id" DESC) WHERE "acknowledged_at" IS NOT NULL;
