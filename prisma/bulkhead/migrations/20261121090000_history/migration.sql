-- The history of a record. A change by a form has one key ("change_of_record").
-- A change of few records is found by any of its keys.
CREATE INDEX "change_of_few" ON "change" USING GIN ("keys") WHERE "task_id" IS NOT NULL AND cardinality("keys") <= 20;

-- A change of many is found by one step back from the key, in each task: chunks of a task are ranges apart.
CREATE INDEX "change_of_many" ON "change" ("model", "task_id", "first_key") WHERE cardinality("keys") > 20;

-- Deleted records, newest first.
CREATE INDEX "change_deleted" ON "change" ("model", "id") WHERE "kind" = 'delete';
