-- How somebody wants to be told by a channel, where that is otherwise than the rules say.
CREATE TABLE "notice_preference" (
    "person_id" TEXT NOT NULL,
    "channel" TEXT NOT NULL,
    "wanted" TEXT NOT NULL,
    "longer_than_ms" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "notice_preference_pkey" PRIMARY KEY ("person_id","channel")
);
