-- AlterTable
ALTER TABLE "preview" ADD COLUMN     "parameters" JSONB,
ADD COLUMN     "findings" JSONB,
ADD COLUMN     "exclusions" TEXT[] COLLATE "C" DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "snapshot" TEXT;

-- AlterTable
ALTER TABLE "task" ADD COLUMN     "overlap" TEXT NOT NULL DEFAULT 'refuse',
ADD COLUMN     "stop_ratio" DOUBLE PRECISION,
ADD COLUMN     "snapshot" TEXT,
ADD COLUMN     "change_reason" TEXT;

-- AlterTable
ALTER TABLE "chunk" ADD COLUMN     "conflicted" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "change" ADD COLUMN     "change_reason" TEXT;
