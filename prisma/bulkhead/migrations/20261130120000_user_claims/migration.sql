-- What somebody's rows and rights are told by beside their roles, as an object by names, and when they last signed in.
ALTER TABLE "user" ADD COLUMN     "claims" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "signed_in_at" TIMESTAMPTZ;
ALTER TABLE "user" ADD CONSTRAINT "user_claims_object" CHECK (jsonb_typeof("claims") = 'object');
