-- Which parts of itself a queued task waits for, and whether the first of them that does not succeed is enough.
ALTER TABLE "task" ADD COLUMN     "awaits" INTEGER[] DEFAULT ARRAY[]::INTEGER[],
ADD COLUMN     "fails_fast" BOOLEAN NOT NULL DEFAULT false;
