-- What an own task was given, encrypted, where parts of it are secret: in its parameters they are masked.
ALTER TABLE "task" ADD COLUMN     "secrets" TEXT;
