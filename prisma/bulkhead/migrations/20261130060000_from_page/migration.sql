-- Somebody launched it on a page: how many of those wait is bounded.
ALTER TABLE "task" ADD COLUMN     "is_from_page" BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX "task_from_page" ON "task" ("principal_id") WHERE "is_from_page" AND "state" = 'queued';
