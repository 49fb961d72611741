-- What a task that goes through all tasks that match a filter has done to each, or why it has left it alone.
CREATE TABLE "matched_task" (
    "line_id" INTEGER NOT NULL,
    "task_id" INTEGER NOT NULL,
    "code" TEXT,
    "message" TEXT,
    "follow_up_id" INTEGER,

    CONSTRAINT "matched_task_pkey" PRIMARY KEY ("line_id","task_id")
);

ALTER TABLE "matched_task" ADD CONSTRAINT "matched_task_line_id_fkey" FOREIGN KEY ("line_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;
