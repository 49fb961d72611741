-- Records that a task is going to hold with those that it is about, until it holds them.
CREATE TABLE "descendant" (
    "task_id" INTEGER NOT NULL,
    "model" TEXT NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "parent" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "descendant_pkey" PRIMARY KEY ("task_id","model","key","parent")
);

ALTER TABLE "descendant" ADD CONSTRAINT "descendant_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;
