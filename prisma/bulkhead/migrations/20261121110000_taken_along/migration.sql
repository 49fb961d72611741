-- What a delete took along. Of changes that were kept before this, nothing was: the default says so.
ALTER TABLE "change" ADD COLUMN "along_with" TEXT, ADD COLUMN "kept_along" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- What went along with the records of a chunk.
CREATE INDEX "change_along" ON "change" ("task_id", "chunk") WHERE "along_with" IS NOT NULL;

-- The history of one of them: their keys are not in the order of the task's.
CREATE INDEX "change_of_along" ON "change" USING GIN ("keys") WHERE "along_with" IS NOT NULL;
