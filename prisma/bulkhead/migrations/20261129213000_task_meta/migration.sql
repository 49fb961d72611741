-- What the code that launched a task keeps with it: plain JSON of its own.
ALTER TABLE "task" ADD COLUMN     "meta" JSONB;
