-- The request that a task was launched in, as the log names it.
ALTER TABLE "task" ADD COLUMN     "request_id" TEXT;
