-- Records that the database kept as they were without an error: a trigger, a policy.
ALTER TABLE "task" ADD COLUMN     "kept_back" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "chunk" ADD COLUMN     "kept_back" INTEGER NOT NULL DEFAULT 0;

-- A row that a policy does not let through is refused with 42501, like one that a trigger refuses the right to: the rule of isRowsFault.

-- Runs one statement with several lists of arguments, one after the other, each in a savepoint of its own with its deferred
-- constraints checked, and says of each what its first row holds, or why the database refused it. In the server, since a
-- thousand of them must not be a thousand round trips. What is no row's fault is raised.
-- The statement is planned once: planning takes longer than changing a handful of records.
-- (Prisma's adapter cuts a script at every semicolon, even within a string: in the body they are written as \x3b.)
CREATE OR REPLACE FUNCTION "attempt_each"("statement" TEXT, "arguments" TEXT[])
RETURNS TABLE ("position" INTEGER, "result" JSONB, "code" TEXT, "constraint" TEXT, "column" TEXT, "message" TEXT, "detail" TEXT)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS E'
DECLARE
  row_found RECORD\x3b
  prepared CONSTANT TEXT := \'bulkhead_\' || left(encode(sha256(convert_to("statement", \'UTF8\')), \'hex\'), 50)\x3b
BEGIN
  -- One that was broken off has left it behind.
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_statements known WHERE known.name = prepared) THEN
    EXECUTE format(\'PREPARE %I AS %s\', prepared, "statement")\x3b
  END IF\x3b
  FOR n IN 1 .. coalesce(cardinality("arguments"), 0) LOOP
    "position" := n\x3b
    "result" := NULL\x3b "code" := NULL\x3b "constraint" := NULL\x3b "column" := NULL\x3b "message" := NULL\x3b "detail" := NULL\x3b
    BEGIN
      EXECUTE format(\'EXECUTE %I(%s)\', prepared, "arguments"[n]) INTO row_found\x3b
      "result" := to_jsonb(row_found)\x3b
      SET CONSTRAINTS ALL IMMEDIATE\x3b
    EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
      GET STACKED DIAGNOSTICS "code" = RETURNED_SQLSTATE, "constraint" = CONSTRAINT_NAME, "column" = COLUMN_NAME, "message" = MESSAGE_TEXT,
        "detail" = PG_EXCEPTION_DETAIL\x3b
      IF "code" !~ \'^((22|23|44|P0|(?!53|54|55|57|58|72|XX)[5-9I-OQ-Z][0-9A-Z])[0-9A-Z]{3}|42501)$\' THEN
        EXECUTE format(\'DEALLOCATE %I\', prepared)\x3b
        RAISE\x3b
      END IF\x3b
      "result" := NULL\x3b
    END\x3b
    RETURN NEXT\x3b
  END LOOP\x3b
  EXECUTE format(\'DEALLOCATE %I\', prepared)\x3b
END
';
