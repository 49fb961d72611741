-- A task's last sign of life: a move, a chunk, progress that was said. Set by whatever writes the row.
ALTER TABLE "task" ADD COLUMN     "updated_at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp();
UPDATE "task" SET "updated_at" = coalesce("finished_at", "started_at", "created_at");

-- (Prisma's adapter cuts a script at every semicolon: in the body they are written as \x3b.)
CREATE FUNCTION "touch_task"() RETURNS trigger LANGUAGE plpgsql AS E'BEGIN
  NEW.updated_at := clock_timestamp()\x3b
  RETURN NEW\x3b
END';
CREATE TRIGGER "task_touched" BEFORE UPDATE ON "task" FOR EACH ROW EXECUTE FUNCTION "touch_task"();
