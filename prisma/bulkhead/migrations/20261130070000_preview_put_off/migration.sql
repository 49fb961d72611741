-- Small as it is, it runs in the background: that was said when the preview was made.
ALTER TABLE "preview" ADD COLUMN     "is_put_off" BOOLEAN NOT NULL DEFAULT false;
