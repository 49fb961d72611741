-- CreateTable
CREATE TABLE "schema_push" (
    "id" SERIAL NOT NULL,
    "pushed_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sql" TEXT NOT NULL,

    CONSTRAINT "schema_push_pkey" PRIMARY KEY ("id")
);
