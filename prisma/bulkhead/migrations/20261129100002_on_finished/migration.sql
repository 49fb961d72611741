-- Of a task of the project's own: what is launched by its end, whatever that is, and that somebody else than its run has launched parts of it.
ALTER TABLE "task" ADD COLUMN     "is_joined" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "on_finished" JSONB;
