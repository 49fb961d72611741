-- What a task holds beside its chunks: records of any model. And two kinds of relatives that were one: the task that a retry or
-- an undo follows, and the task that launched another as a part of itself.
ALTER TABLE "task" RENAME COLUMN "parent_id" TO "follows_id";
ALTER INDEX "task_parent_id_idx" RENAME TO "task_follows_id_idx";
ALTER TABLE "task" ADD COLUMN     "parent_id" INTEGER;
CREATE INDEX "task_parent_id_idx" ON "task"("parent_id");

CREATE TABLE "lock_set" (
    "id" SERIAL NOT NULL,
    "task_id" INTEGER NOT NULL,
    "model" TEXT NOT NULL,
    "is_held" BOOLEAN NOT NULL DEFAULT false,
    "is_single" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "lock_set_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "lock_set_model_idx" ON "lock_set"("model");
CREATE INDEX "lock_set_task_id_idx" ON "lock_set"("task_id");

-- Keys are compared as bytes, as those of chunks are.
CREATE TABLE "lock_range" (
    "set_id" INTEGER NOT NULL,
    "keys" TEXT[] COLLATE "C",
    "first_key" TEXT COLLATE "C" NOT NULL,
    "last_key" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "lock_range_pkey" PRIMARY KEY ("set_id","first_key")
);

ALTER TABLE "lock_set" ADD CONSTRAINT "lock_set_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "lock_range" ADD CONSTRAINT "lock_range_set_id_fkey" FOREIGN KEY ("set_id") REFERENCES "lock_set"("id") ON DELETE CASCADE ON UPDATE CASCADE;
