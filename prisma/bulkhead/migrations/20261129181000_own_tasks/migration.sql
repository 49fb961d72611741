-- A task need not be about records: one of the project's own has a name, parameters and what its code says of it.
ALTER TABLE "task" ALTER COLUMN "resource" DROP NOT NULL, ALTER COLUMN "model" DROP NOT NULL, ALTER COLUMN "selection" DROP NOT NULL,
ADD COLUMN     "due_at" TIMESTAMPTZ,
ADD COLUMN     "failed_attempts" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "kind" TEXT NOT NULL DEFAULT 'bulk',
ADD COLUMN     "priority" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "progress_message" TEXT,
ADD COLUMN     "waits_for" TEXT;

ALTER TABLE "task" ADD CONSTRAINT "task_kind" CHECK (
    (kind = 'bulk' AND resource IS NOT NULL AND model IS NOT NULL AND selection IS NOT NULL)
    OR (kind = 'own' AND resource IS NULL AND model IS NULL AND selection IS NULL)
);

-- From which the next own task is taken.
CREATE INDEX "task_own_queued" ON "task" (priority DESC, due_at NULLS FIRST, id) WHERE kind = 'own' AND state = 'queued';
