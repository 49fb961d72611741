-- CreateTable
CREATE TABLE "user" (
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "password_hash" TEXT NOT NULL,
    "roles" TEXT[],
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deactivated_at" TIMESTAMPTZ,

    CONSTRAINT "user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "sid" TEXT NOT NULL,
    "sess" JSON NOT NULL,
    "expire" TIMESTAMP(6) NOT NULL,

    CONSTRAINT "session_pkey" PRIMARY KEY ("sid")
);

-- CreateTable
CREATE TABLE "one_time_link" (
    "token_hash" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "used_at" TIMESTAMPTZ,

    CONSTRAINT "one_time_link_pkey" PRIMARY KEY ("token_hash")
);

-- CreateTable
CREATE TABLE "selection" (
    "id" UUID NOT NULL,
    "owner_id" TEXT NOT NULL,
    "resource" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "filter" TEXT NOT NULL DEFAULT '',
    "keys" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "exclusions" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "selection_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "preview" (
    "id" UUID NOT NULL,
    "owner_id" TEXT NOT NULL,
    "resource" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "selection_id" UUID NOT NULL,
    "selection_version" INTEGER NOT NULL,
    "record_count" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "preview_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "task" (
    "id" SERIAL NOT NULL,
    "operation_id" UUID,
    "task_key" TEXT,
    "resource" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "backend" TEXT NOT NULL,
    "principal_id" TEXT NOT NULL,
    "principal_name" TEXT NOT NULL,
    "principal" JSONB NOT NULL,
    "parameters" JSONB NOT NULL,
    "parameters_version" INTEGER NOT NULL DEFAULT 1,
    "selection" JSONB NOT NULL,
    "state" TEXT NOT NULL,
    "reason" TEXT,
    "message" TEXT,
    "write_through" TEXT NOT NULL DEFAULT 'sql',
    "parallelism" INTEGER NOT NULL DEFAULT 1,
    "expected" INTEGER,
    "total" INTEGER,
    "chunk_count" INTEGER NOT NULL DEFAULT 0,
    "chunks_done" INTEGER NOT NULL DEFAULT 0,
    "done" INTEGER NOT NULL DEFAULT 0,
    "changed" INTEGER NOT NULL DEFAULT 0,
    "unchanged" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    "gone" INTEGER NOT NULL DEFAULT 0,
    "conflicted" INTEGER NOT NULL DEFAULT 0,
    "result" JSONB,
    "parent_id" INTEGER,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "deaths" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "queued_at" TIMESTAMPTZ,
    "woken_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ,
    "finished_at" TIMESTAMPTZ,

    CONSTRAINT "task_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "chunk" (
    "task_id" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "keys" TEXT[],
    "first_key" TEXT NOT NULL,
    "last_key" TEXT NOT NULL,
    "changed" INTEGER NOT NULL DEFAULT 0,
    "unchanged" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    "gone" INTEGER NOT NULL DEFAULT 0,
    "finished_at" TIMESTAMPTZ,
    "duration_ms" DOUBLE PRECISION,

    CONSTRAINT "chunk_pkey" PRIMARY KEY ("task_id","number")
);

-- CreateTable
CREATE TABLE "task_failure" (
    "id" BIGSERIAL NOT NULL,
    "task_id" INTEGER NOT NULL,
    "chunk" INTEGER NOT NULL,
    "code" TEXT NOT NULL,
    "message" TEXT NOT NULL,
    "keys" TEXT[],

    CONSTRAINT "task_failure_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "change" (
    "id" BIGSERIAL NOT NULL,
    "model" TEXT NOT NULL,
    "resource" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "task_id" INTEGER,
    "chunk" INTEGER,
    "principal_id" TEXT NOT NULL,
    "principal_name" TEXT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "fields" TEXT[],
    "keys" TEXT[],
    "first_key" TEXT NOT NULL,
    "before" JSONB,
    "after" JSONB,

    CONSTRAINT "change_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "task_event" (
    "id" BIGSERIAL NOT NULL,
    "task_id" INTEGER NOT NULL,
    "at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "from_state" TEXT,
    "state" TEXT NOT NULL,
    "reason" TEXT,

    CONSTRAINT "task_event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "worker" (
    "id" UUID NOT NULL,
    "lock_id" SERIAL NOT NULL,
    "pool_id" TEXT,
    "host" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "worker_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "task_slot" (
    "task_id" INTEGER NOT NULL,
    "slot" INTEGER NOT NULL,
    "worker_id" UUID NOT NULL,
    "token" UUID NOT NULL,
    "taken_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "task_slot_pkey" PRIMARY KEY ("task_id","slot")
);

-- CreateIndex
CREATE UNIQUE INDEX "user_email_key" ON "user"("email");

-- CreateIndex
CREATE INDEX "session_expire_idx" ON "session"("expire");

-- CreateIndex
CREATE INDEX "selection_updated_at_idx" ON "selection"("updated_at");

-- CreateIndex
CREATE INDEX "preview_created_at_idx" ON "preview"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "task_operation_id_key" ON "task"("operation_id");

-- CreateIndex
CREATE INDEX "task_principal_id_id_idx" ON "task"("principal_id", "id" DESC);

-- CreateIndex
CREATE INDEX "task_model_state_idx" ON "task"("model", "state");

-- CreateIndex
CREATE INDEX "task_failure_task_id_idx" ON "task_failure"("task_id");

-- CreateIndex
CREATE INDEX "change_task_id_first_key_idx" ON "change"("task_id", "first_key");

-- CreateIndex
CREATE INDEX "task_event_task_id_id_idx" ON "task_event"("task_id", "id");

-- AddForeignKey
ALTER TABLE "task_failure" ADD CONSTRAINT "task_failure_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_event" ADD CONSTRAINT "task_event_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What Prisma's schema cannot say:

-- Keys are compared and sorted as bytes, whatever the database's collation.
ALTER TABLE "selection" ALTER COLUMN "keys" TYPE TEXT[] COLLATE "C", ALTER COLUMN "exclusions" TYPE TEXT[] COLLATE "C";
ALTER TABLE "chunk" ALTER COLUMN "keys" TYPE TEXT[] COLLATE "C", ALTER COLUMN "first_key" TYPE TEXT COLLATE "C", ALTER COLUMN "last_key" TYPE TEXT COLLATE "C";
ALTER TABLE "task_failure" ALTER COLUMN "keys" TYPE TEXT[] COLLATE "C";
ALTER TABLE "change" ALTER COLUMN "keys" TYPE TEXT[] COLLATE "C", ALTER COLUMN "first_key" TYPE TEXT COLLATE "C";

-- The same operation is launched once while it is unfinished.
CREATE UNIQUE INDEX "task_unfinished_key" ON "task" ("task_key")
  WHERE "state" IN ('scheduled', 'queued', 'preparing', 'running', 'pausing', 'paused', 'cancelling');
CREATE INDEX "task_unfinished" ON "task" ("model")
  WHERE "state" IN ('scheduled', 'queued', 'preparing', 'running', 'pausing', 'paused', 'cancelling');

-- "Who holds this record" and "which chunk is next" are one step each.
CREATE INDEX "chunk_active" ON "chunk" ("task_id", "first_key") WHERE "state" = 'active';

-- The history of a record: its own changes, beside the chunks of tasks.
CREATE INDEX "change_of_record" ON "change" ("model", "first_key") WHERE "task_id" IS NULL;
