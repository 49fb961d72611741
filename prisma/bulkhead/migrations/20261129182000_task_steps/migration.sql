-- What the runs of a line of tasks (the first, and what tries it again) have done already and do not do again.
ALTER TABLE "task" ADD COLUMN     "line_id" INTEGER;
CREATE INDEX "task_line_id_idx" ON "task"("line_id");

CREATE TABLE "task_step" (
    "line_id" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "is_done" BOOLEAN NOT NULL DEFAULT false,
    "result" JSONB,
    "position" JSONB,
    "count" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ,

    CONSTRAINT "task_step_pkey" PRIMARY KEY ("line_id","name")
);

ALTER TABLE "task_step" ADD CONSTRAINT "task_step_line_id_fkey" FOREIGN KEY ("line_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;
