-- AlterTable
ALTER TABLE "task" ADD COLUMN     "locks_off_reason" TEXT;
