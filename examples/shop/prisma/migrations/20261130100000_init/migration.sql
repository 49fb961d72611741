CREATE SCHEMA IF NOT EXISTS "shop";

CREATE TYPE "shop"."order_state" AS ENUM ('open', 'paid', 'shipped', 'cancelled');

CREATE TABLE "shop"."tenant" (
    "id" SERIAL PRIMARY KEY,
    "name" TEXT NOT NULL
);
CREATE UNIQUE INDEX "tenant_name_key" ON "shop"."tenant"("name");

CREATE TABLE "shop"."customer" (
    "id" SERIAL PRIMARY KEY,
    "tenant_id" INTEGER NOT NULL REFERENCES "shop"."tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "note" TEXT
);
CREATE INDEX "customer_tenant_id_idx" ON "shop"."customer"("tenant_id");

CREATE TABLE "shop"."product" (
    "id" SERIAL PRIMARY KEY,
    "tenant_id" INTEGER NOT NULL REFERENCES "shop"."tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    "name" TEXT NOT NULL,
    "price_cents" INTEGER NOT NULL,
    "stock" INTEGER NOT NULL DEFAULT 0,
    "is_sold" BOOLEAN NOT NULL DEFAULT true
);
CREATE INDEX "product_tenant_id_idx" ON "shop"."product"("tenant_id");

CREATE TABLE "shop"."order" (
    "id" SERIAL PRIMARY KEY,
    "tenant_id" INTEGER NOT NULL REFERENCES "shop"."tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    "number" TEXT NOT NULL,
    "customer_id" INTEGER NOT NULL REFERENCES "shop"."customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    "state" "shop"."order_state" NOT NULL DEFAULT 'open',
    "total_cents" INTEGER NOT NULL,
    "placed_at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "reminded_at" TIMESTAMPTZ,
    "reminder" TEXT,
    "deleted_at" TIMESTAMPTZ
);
CREATE UNIQUE INDEX "order_number_key" ON "shop"."order"("number");
CREATE INDEX "order_tenant_id_placed_at_idx" ON "shop"."order"("tenant_id", "placed_at");
CREATE INDEX "order_customer_id_idx" ON "shop"."order"("customer_id");

CREATE TABLE "shop"."day_total" (
    "tenant_id" INTEGER NOT NULL REFERENCES "shop"."tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    "day" DATE NOT NULL,
    "orders" INTEGER NOT NULL,
    "total_cents" INTEGER NOT NULL,
    PRIMARY KEY ("tenant_id", "day")
);

CREATE TABLE "shop"."message" (
    "id" SERIAL PRIMARY KEY,
    "text" TEXT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE "shop"."trail" (
    "id" SERIAL PRIMARY KEY,
    "task_id" INTEGER NOT NULL,
    "who" TEXT NOT NULL,
    "what" TEXT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);
