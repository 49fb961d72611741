-- What becomes of tasks is told to the project's hooks: each event is fanned out to a row for each hook that listens, once.
-- Who moved it, where null is the system.
ALTER TABLE "task_event" ADD COLUMN     "by" JSONB,
ADD COLUMN     "is_fanned" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "payload" JSONB;
-- What was before there were hooks is told to nobody.
UPDATE "task_event" SET "is_fanned" = true;
-- An event outlives its task until it is told.
ALTER TABLE "task_event" DROP CONSTRAINT "task_event_task_id_fkey";

-- By commit, not by the last id seen: rows commit late.
CREATE INDEX "task_event_fresh" ON "task_event" (id) WHERE NOT is_fanned;

CREATE TABLE "task_hook" (
    "name" TEXT NOT NULL,
    "events" TEXT[],
    "seen_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "task_hook_pkey" PRIMARY KEY ("name")
);

CREATE TABLE "task_delivery" (
    "id" BIGSERIAL NOT NULL,
    "event_id" BIGINT NOT NULL,
    "hook" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "task_id" INTEGER NOT NULL,
    "payload" JSONB NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "parked_at" TIMESTAMPTZ,
    "error" TEXT,

    CONSTRAINT "task_delivery_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "task_delivery_event_id_hook_name_key" ON "task_delivery"("event_id", "hook", "name");
CREATE INDEX "task_delivery_task_id_idx" ON "task_delivery"("task_id");
CREATE INDEX "task_delivery_due" ON "task_delivery" (due_at, id) WHERE parked_at IS NULL;
CREATE INDEX "task_delivery_order" ON "task_delivery" (hook, task_id, event_id) WHERE parked_at IS NULL;
