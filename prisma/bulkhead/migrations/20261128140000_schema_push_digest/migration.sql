-- AlterTable
ALTER TABLE "schema_push" ADD COLUMN     "digest" TEXT,
ADD COLUMN     "remainder" TEXT NOT NULL DEFAULT '';
