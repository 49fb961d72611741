-- Lines that runs of own tasks wrote, and records that they are about.
CREATE TABLE "task_log" (
    "id" BIGSERIAL NOT NULL,
    "task_id" INTEGER NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "line" TEXT NOT NULL,

    CONSTRAINT "task_log_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "task_about" (
    "task_id" INTEGER NOT NULL,
    "model" TEXT NOT NULL,
    "key" TEXT NOT NULL,

    CONSTRAINT "task_about_pkey" PRIMARY KEY ("model","key","task_id")
);

CREATE INDEX "task_log_task_id_id_idx" ON "task_log"("task_id", "id");
CREATE INDEX "task_about_task_id_idx" ON "task_about"("task_id");

ALTER TABLE "task_log" ADD CONSTRAINT "task_log_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "task_about" ADD CONSTRAINT "task_about_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;
