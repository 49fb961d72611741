-- What the page of tasks is filtered and sorted by. Every move of a task writes all of its indexes anew: these have what
-- has ended alone, so that a task is written into them once, and what has not ended is few and has an index already.
CREATE INDEX "task_ended_state" ON "task" ("state", "id" DESC) WHERE "state" IN ('succeeded', 'partial', 'failed', 'cancelled');
CREATE INDEX "task_ended_resource" ON "task" ("resource", "id" DESC) WHERE "resource" IS NOT NULL AND "state" IN ('succeeded', 'partial', 'failed', 'cancelled');
CREATE INDEX "task_ended_person" ON "task" (lower("principal_name"), "id" DESC) WHERE "state" IN ('succeeded', 'partial', 'failed', 'cancelled');
CREATE INDEX "task_ended_reason" ON "task" ("reason", "id" DESC) WHERE "reason" IS NOT NULL AND "state" IN ('succeeded', 'partial', 'failed', 'cancelled');
CREATE INDEX "task_ended_queue" ON "task" ("queue", "id" DESC) WHERE "kind" = 'own' AND "state" IN ('succeeded', 'partial', 'failed', 'cancelled');
CREATE INDEX "task_ended_asked" ON "task" ("created_at", "id") WHERE "state" IN ('succeeded', 'partial', 'failed', 'cancelled');
CREATE INDEX "task_ended_at" ON "task" ("finished_at" DESC NULLS LAST, "id" DESC) WHERE "state" IN ('succeeded', 'partial', 'failed', 'cancelled');
