-- Backends whose tasks a worker runs. One of before runs those of the queue
ALTER TABLE "worker" ADD COLUMN "backends" TEXT[] DEFAULT ARRAY['queue']::TEXT[];
