-- AlterTable
ALTER TABLE "preview" ADD COLUMN "form" JSONB;
