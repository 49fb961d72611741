-- AlterTable
ALTER TABLE "country" ADD COLUMN "survey_budget_cents" INTEGER;

-- Budgets of a gazetteer that is filled already, dealt out as the seed does.
UPDATE "country" SET "survey_budget_cents" = (abs(hashtext("code"::text) % 400) + 20) * 1250 WHERE abs(hashtext("code"::text) % 5) < 4;
