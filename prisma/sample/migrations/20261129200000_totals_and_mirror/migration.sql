-- AlterTable
ALTER TABLE "country" ADD COLUMN "city_count" INTEGER,
ADD COLUMN "city_population" BIGINT;

-- CreateTable
CREATE TABLE "task_mirror" (
    "id" INTEGER NOT NULL,
    "title" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "launched_by" TEXT NOT NULL,

    CONSTRAINT "task_mirror_pkey" PRIMARY KEY ("id")
);
