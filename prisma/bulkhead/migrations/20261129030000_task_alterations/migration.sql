-- What triggers altered as an undo put records back.
ALTER TABLE "task" ADD COLUMN     "altered" INTEGER NOT NULL DEFAULT 0;

CREATE TABLE "task_alteration" (
    "id" BIGSERIAL NOT NULL,
    "task_id" INTEGER NOT NULL,
    "chunk" INTEGER NOT NULL,
    "model" TEXT NOT NULL,
    "field" TEXT NOT NULL,
    "is_beside" BOOLEAN NOT NULL DEFAULT false,
    "keys" TEXT[],

    CONSTRAINT "task_alteration_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "task_alteration_task_id_idx" ON "task_alteration"("task_id");

ALTER TABLE "task_alteration" ADD CONSTRAINT "task_alteration_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "task_alteration" ALTER COLUMN "keys" TYPE TEXT[] COLLATE "C";
