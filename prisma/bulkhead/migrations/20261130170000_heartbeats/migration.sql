-- A worker says again and again that it is there, from a thread of its own, and when its main loop was last seen to move.
-- Null in heartbeat_at: nobody takes its silence for anything. The other two are what it is judged by.
ALTER TABLE "worker" ADD COLUMN "heartbeat_at" TIMESTAMPTZ;
ALTER TABLE "worker" ADD COLUMN "loop_at" TIMESTAMPTZ;
ALTER TABLE "worker" ADD COLUMN "stale_after_ms" INTEGER;
ALTER TABLE "worker" ADD COLUMN "busy_after_ms" INTEGER;
