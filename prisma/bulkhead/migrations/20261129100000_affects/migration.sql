-- Of a task of the project's own: it holds what its definition says that it affects, so that this is not asked again.
ALTER TABLE "task" ADD COLUMN     "holds_affected" BOOLEAN NOT NULL DEFAULT false;
