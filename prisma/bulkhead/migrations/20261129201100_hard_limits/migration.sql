-- Until when a run of an own task may go on, and which token it had before it went on longer.
ALTER TABLE "task_slot" ADD COLUMN     "ends_at" TIMESTAMPTZ,
ADD COLUMN     "lapsed_token" UUID;
