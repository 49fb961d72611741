-- What a launch keeps of its definition's rules: which workers take it, what it may not be twice with, how many at a time.
ALTER TABLE "task" ADD COLUMN     "expires_at" TIMESTAMPTZ,
ADD COLUMN     "limit_key" TEXT,
ADD COLUMN     "queue" TEXT NOT NULL DEFAULT 'default',
ADD COLUMN     "rate_key" TEXT,
ADD COLUMN     "unique_key" TEXT;

-- By which a launch finds those that it may not be twice with.
CREATE INDEX "task_unique_key" ON "task" (operation, unique_key) WHERE unique_key IS NOT NULL AND state IN ('queued', 'preparing', 'running', 'pausing', 'paused', 'cancelling');
-- By which it is told whether a limit is reached.
CREATE INDEX "task_limit_key" ON "task" (operation, limit_key) WHERE limit_key IS NOT NULL AND state IN ('running', 'pausing', 'cancelling');
-- From which those are taken whose time has come, or is over.
CREATE INDEX "task_scheduled" ON "task" (due_at) WHERE state = 'scheduled';
CREATE INDEX "task_expiring" ON "task" (expires_at) WHERE expires_at IS NOT NULL AND state IN ('scheduled', 'queued');

-- Starts of tasks that have a rate, as long as they count.
CREATE TABLE "task_start" (
    "id" BIGSERIAL NOT NULL,
    "operation" TEXT NOT NULL,
    "rate_key" TEXT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "task_start_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "task_start_operation_rate_key_at_idx" ON "task_start"("operation", "rate_key", "at");

-- Queues that a worker listens to, where null is all of them.
ALTER TABLE "worker" ADD COLUMN     "queues" TEXT[];
