-- Sent through the queue to see whether it works: when, and when it was taken and done. Only the latest are kept.
CREATE TABLE "probe" (
    "id" BIGSERIAL NOT NULL,
    "sent_at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    "taken_at" TIMESTAMPTZ,
    "taken_by" UUID,
    "finished_at" TIMESTAMPTZ,
    "heard_by" UUID[] NOT NULL DEFAULT '{}',

    CONSTRAINT "probe_pkey" PRIMARY KEY ("id")
);

-- Does the worker know what a probe is?
ALTER TABLE "worker" ADD COLUMN "answers_probes" BOOLEAN NOT NULL DEFAULT false;
