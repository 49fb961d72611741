-- By which a launch finds an earlier success of the same, whose result it is answered with.
ALTER TABLE "task" ADD COLUMN     "reuse_key" TEXT;
CREATE INDEX "task_reuse_key" ON "task" (operation, reuse_key, finished_at DESC) WHERE reuse_key IS NOT NULL AND state = 'succeeded';
