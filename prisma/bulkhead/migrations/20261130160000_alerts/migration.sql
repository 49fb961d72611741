-- What is wrong with how tasks fare, for as long as it is.
CREATE TABLE "alert" (
    "id" BIGSERIAL NOT NULL,
    "finding" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "since" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    "seen_at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    "over_at" TIMESTAMPTZ,

    CONSTRAINT "alert_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "alert_open" ON "alert" ("finding") WHERE "over_at" IS NULL;

-- A notice of an alert is about no task.
ALTER TABLE "notice" ALTER COLUMN "task_id" DROP NOT NULL;
