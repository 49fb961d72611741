-- What runs at its times: what a process last read in the code, and a row for each time.
CREATE TABLE "schedule" (
    "name" TEXT NOT NULL,
    "cron" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL,
    "next_at" TIMESTAMPTZ,
    "is_paused" BOOLEAN NOT NULL DEFAULT false,
    "paused_by" JSONB,
    "is_parked" BOOLEAN NOT NULL DEFAULT false,
    "seen_at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "schedule_pkey" PRIMARY KEY ("name")
);

CREATE TABLE "schedule_run" (
    "schedule" TEXT NOT NULL,
    "due_at" TIMESTAMPTZ NOT NULL,
    "state" TEXT NOT NULL,
    "by" JSONB,
    "operation_id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "task_id" INTEGER,
    "count" INTEGER,
    "message" TEXT,
    "settled_at" TIMESTAMPTZ,

    CONSTRAINT "schedule_run_pkey" PRIMARY KEY ("schedule","due_at")
);

CREATE INDEX "schedule_run_task_id" ON "schedule_run" ("task_id") WHERE "task_id" IS NOT NULL;
CREATE INDEX "schedule_run_due" ON "schedule_run" ("due_at") WHERE "state" = 'due';
ALTER TABLE "schedule_run" ADD CONSTRAINT "schedule_run_schedule_fkey" FOREIGN KEY ("schedule") REFERENCES "schedule"("name") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "schedule_run" ADD CONSTRAINT "schedule_run_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE SET NULL ON UPDATE CASCADE;
