-- Of a task of the project's own: that its run wrote otherwise than by changing records, which no image takes back, and that it takes back what another did.
ALTER TABLE "task" ADD COLUMN     "is_undo" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "wrote_itself" BOOLEAN NOT NULL DEFAULT false;
