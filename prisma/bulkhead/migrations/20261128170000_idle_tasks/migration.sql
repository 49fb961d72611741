-- How long nobody was at a task since it started: paused, waiting, without a worker. It is no part of what it took.
ALTER TABLE "task" ADD COLUMN "idle_ms" DOUBLE PRECISION NOT NULL DEFAULT 0, ADD COLUMN "rested_at" TIMESTAMPTZ;

-- When a worker ended last: where none is alive, since when.
CREATE TABLE "worker_end" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "at" TIMESTAMPTZ NOT NULL,

    CONSTRAINT "worker_end_pkey" PRIMARY KEY ("id")
);
