-- What to do about an alert, in a sentence. Of those from before it is not known.
ALTER TABLE "alert" ADD COLUMN "remedy" TEXT NOT NULL DEFAULT '';
