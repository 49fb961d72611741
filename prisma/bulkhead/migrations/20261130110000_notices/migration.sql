-- That a task has ended, as a channel says it to one recipient, and what became of that.
CREATE TABLE "notice" (
    "id" BIGSERIAL NOT NULL,
    "uid" UUID NOT NULL DEFAULT gen_random_uuid(),
    "event_id" BIGINT NOT NULL,
    "task_id" INTEGER NOT NULL,
    "channel" TEXT NOT NULL,
    "recipient" TEXT NOT NULL,
    "person" JSONB,
    "content" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    "state" TEXT NOT NULL DEFAULT 'waiting',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    "settled_at" TIMESTAMPTZ,
    "error" TEXT,
    "seen_at" TIMESTAMPTZ,

    CONSTRAINT "notice_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "notice_event_id_channel_recipient_key" ON "notice"("event_id", "channel", "recipient");
CREATE INDEX "notice_task_id_idx" ON "notice"("task_id");
CREATE INDEX "notice_created_at_idx" ON "notice"("created_at");
CREATE INDEX "notice_due" ON "notice" ("channel", "due_at") WHERE "state" = 'waiting';
CREATE INDEX "notice_waiting" ON "notice" ("channel", "recipient") WHERE "state" = 'waiting';
CREATE INDEX "notice_messages" ON "notice" ("recipient", "id" DESC) WHERE "channel" = 'message' AND "state" = 'sent';
CREATE INDEX "notice_unseen" ON "notice" ("recipient", "id" DESC) WHERE "channel" = 'message' AND "state" = 'sent' AND "seen_at" IS NULL;
