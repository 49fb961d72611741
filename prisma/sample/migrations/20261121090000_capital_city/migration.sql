-- AlterTable
ALTER TABLE "country" ADD COLUMN "capital_city_id" INTEGER;

-- CreateIndex
CREATE INDEX "country_capital_city_id_idx" ON "country"("capital_city_id");

-- AddForeignKey
ALTER TABLE "country" ADD CONSTRAINT "country_capital_city_id_fkey" FOREIGN KEY ("capital_city_id") REFERENCES "city"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- Capitals of a gazetteer that is filled already.
UPDATE "country" SET "capital_city_id" = (
  SELECT "city"."id" FROM "city" WHERE "city"."country_code" = "country"."code" AND "city"."feature_code" = 'PPLC'
  ORDER BY "city"."population" DESC, "city"."id" LIMIT 1
);
