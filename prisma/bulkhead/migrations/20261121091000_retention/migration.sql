-- What Prisma's schema cannot say:

-- What is to be emptied next, and what is to be forgotten.
CREATE INDEX "change_with_images" ON "change" ("at") WHERE "before" IS NOT NULL OR "after" IS NOT NULL;
CREATE INDEX "change_at" ON "change" ("at");
