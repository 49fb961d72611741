-- What a worker knows, so that others can say what nobody does, and by what it was set up: names of settings, and of what is secret hashes.
ALTER TABLE "worker" ADD COLUMN     "knows" JSONB,
ADD COLUMN     "settings" JSONB,
ADD COLUMN     "settings_hash" TEXT;

-- Processes of pages. They say now and then that they are there.
CREATE TABLE "web_process" (
    "id" UUID NOT NULL,
    "host" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "version" TEXT NOT NULL,
    "settings" JSONB NOT NULL,
    "settings_hash" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    "seen_at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "web_process_pkey" PRIMARY KEY ("id")
);
