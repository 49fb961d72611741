-- What the overview says of workers, each of which says now and then that it is there, and what it is asked to do.
ALTER TABLE "worker" ADD COLUMN     "version" TEXT,
ADD COLUMN     "concurrency" INTEGER,
ADD COLUMN     "places" INTEGER,
ADD COLUMN     "seen_at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
ADD COLUMN     "asked" TEXT,
ADD COLUMN     "asked_by" JSONB,
ADD COLUMN     "asked_at" TIMESTAMPTZ,
ADD COLUMN     "quiet_at" TIMESTAMPTZ;

-- Queues of which nothing new is taken.
CREATE TABLE "paused_queue" (
    "name" TEXT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    "by" JSONB NOT NULL,
    "reason" TEXT,

    CONSTRAINT "paused_queue_pkey" PRIMARY KEY ("name")
);

-- What somebody changed by forms, and of tasks alone: those of one person, the latest first.
CREATE INDEX "change_by_form" ON "change" ("principal_id", "id" DESC) WHERE "task_id" IS NULL;
-- What hooks were told of in vain is seldom.
CREATE INDEX "task_delivery_parked" ON "task_delivery" ("id" DESC) WHERE "parked_at" IS NOT NULL;
CREATE INDEX "notice_given_up" ON "notice" ("id" DESC) WHERE "state" = 'given-up';
-- Failures by when they were asked for.
CREATE INDEX "task_failed_asked" ON "task" ("created_at" DESC) WHERE "state" IN ('partial', 'failed');
