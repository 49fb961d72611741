-- CreateIndex
CREATE INDEX "chunk_task_id_first_key_idx" ON "chunk"("task_id", "first_key");
