-- Nearly every task follows none, waits for none and is a part of none, and every move of a task writes all of its
-- indexes anew: these have the few alone that somebody looks for.
DROP INDEX "task_follows_id_idx";
DROP INDEX "task_line_id_idx";
DROP INDEX "task_parent_id_idx";
DROP INDEX "task_blocked_by_idx";
DROP INDEX "task_model_state_idx";
CREATE INDEX "task_follows_id" ON "task" ("follows_id") WHERE "follows_id" IS NOT NULL;
CREATE INDEX "task_line_id" ON "task" ("line_id") WHERE "line_id" IS NOT NULL;
CREATE INDEX "task_parent_id" ON "task" ("parent_id") WHERE "parent_id" IS NOT NULL;
CREATE INDEX "task_blocked_by" ON "task" ("blocked_by") WHERE "blocked_by" IS NOT NULL;
CREATE INDEX "task_model_state" ON "task" ("model", "state") WHERE "model" IS NOT NULL;
