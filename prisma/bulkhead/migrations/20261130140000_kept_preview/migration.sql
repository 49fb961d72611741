-- What somebody was shown when they confirmed a task, for as long as the task is kept. The rows, which have values of records
-- in them, go when the images of what was changed go.
CREATE TABLE "task_preview" (
    "task_id" INTEGER NOT NULL,
    "at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "findings" JSONB NOT NULL,
    "rows" JSONB,

    CONSTRAINT "task_preview_pkey" PRIMARY KEY ("task_id")
);

CREATE INDEX "task_preview_rows" ON "task_preview" ("at") WHERE "rows" IS NOT NULL;
ALTER TABLE "task_preview" ADD CONSTRAINT "task_preview_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;
-- The first rows that the page of a preview showed, for the task that it becomes.
ALTER TABLE "preview" ADD COLUMN     "shown" JSONB;
