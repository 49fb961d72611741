-- What was done: who, when, from where. Rows are added alone, in the transaction of what they tell of.
CREATE TABLE "audit_entry" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    "act" TEXT NOT NULL,
    "principal_id" TEXT,
    "principal_name" TEXT,
    "origin" TEXT NOT NULL,
    "origin_name" TEXT,
    "agent" TEXT,
    "resource" TEXT,
    "record" TEXT,
    "task_id" INTEGER,
    "details" JSON NOT NULL DEFAULT '{}',
    "nonce" UUID,
    "mark" TEXT,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "audit_entry_nonce_key" ON "audit_entry"("nonce");
CREATE INDEX "audit_entry_at_idx" ON "audit_entry"("at");
CREATE INDEX "audit_entry_act_id_idx" ON "audit_entry"("act", "id" DESC);
CREATE INDEX "audit_entry_person" ON "audit_entry" (lower("principal_name"), "id" DESC);
CREATE INDEX "audit_entry_record" ON "audit_entry" ("resource", "record", "id" DESC) WHERE "resource" IS NOT NULL;
CREATE INDEX "audit_entry_task" ON "audit_entry" ("task_id", "id" DESC) WHERE "task_id" IS NOT NULL;
CREATE INDEX "audit_entry_origin" ON "audit_entry" ("origin_name", "id" DESC) WHERE "origin_name" IS NOT NULL;

-- The chain: each seal is of an entry that has committed, and of the seal before it.
CREATE TABLE "audit_seal" (
    "position" BIGINT NOT NULL,
    "entry_id" BIGINT NOT NULL,
    "sealed_at" TIMESTAMPTZ NOT NULL,
    "key" TEXT NOT NULL,
    "hash" TEXT NOT NULL,

    CONSTRAINT "audit_seal_pkey" PRIMARY KEY ("position")
);

CREATE UNIQUE INDEX "audit_seal_entry_id_key" ON "audit_seal"("entry_id");

-- Where the chain begins: up to which seal entries were forgotten, their time being over, and up to which entry nobody signed any.
CREATE TABLE "audit_checkpoint" (
    "position" BIGINT NOT NULL,
    "hash" TEXT NOT NULL,
    "entry_id" BIGINT NOT NULL,
    "at" TIMESTAMPTZ NOT NULL,
    "mark" TEXT NOT NULL,

    CONSTRAINT "audit_checkpoint_pkey" PRIMARY KEY ("position")
);

-- Nothing is changed, and nothing deleted but what has been kept long enough.
-- (Prisma's adapter cuts a script at every semicolon, even within a string: in the body they are written as \x3b.)
CREATE FUNCTION "audit_kept"()
RETURNS TRIGGER
LANGUAGE plpgsql AS E'
BEGIN
  IF TG_OP = \'DELETE\' AND current_setting(\'bulkhead.audit_retention\', true) = \'on\' THEN
    RETURN OLD\x3b
  END IF\x3b
  RAISE EXCEPTION \'%: rows are added alone\', TG_TABLE_NAME USING ERRCODE = \'42501\'\x3b
END
';

CREATE TRIGGER "audit_entry_kept" BEFORE UPDATE OR DELETE ON "audit_entry" FOR EACH ROW EXECUTE FUNCTION "audit_kept"();
CREATE TRIGGER "audit_entry_kept_whole" BEFORE TRUNCATE ON "audit_entry" FOR EACH STATEMENT EXECUTE FUNCTION "audit_kept"();
CREATE TRIGGER "audit_seal_kept" BEFORE UPDATE OR DELETE ON "audit_seal" FOR EACH ROW EXECUTE FUNCTION "audit_kept"();
CREATE TRIGGER "audit_seal_kept_whole" BEFORE TRUNCATE ON "audit_seal" FOR EACH STATEMENT EXECUTE FUNCTION "audit_kept"();
CREATE TRIGGER "audit_checkpoint_kept" BEFORE UPDATE OR DELETE ON "audit_checkpoint" FOR EACH ROW EXECUTE FUNCTION "audit_kept"();
CREATE TRIGGER "audit_checkpoint_kept_whole" BEFORE TRUNCATE ON "audit_checkpoint" FOR EACH STATEMENT EXECUTE FUNCTION "audit_kept"();

-- As it was, and it leaves an entry. Launches a task of the project's own from SQL, such as a trigger's: `select bulkhead.launch('places.recount', '{"country": "ESP"}')`.
-- It is there when the transaction commits. Options: priority, delayMs, startAt, expiresAt, operationId, meta. Gives the task's id.
-- Nobody may call it who was not granted to.
-- (Prisma's adapter cuts a script at every semicolon, even within a string: in the body they are written as \x3b.)
CREATE OR REPLACE FUNCTION "launch"("name" TEXT, "params" JSONB DEFAULT '{}', "options" JSONB DEFAULT '{}')
RETURNS INTEGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS E'
#variable_conflict use_column
DECLARE
  own_schema CONSTANT TEXT := current_schema()\x3b
  wrong TEXT\x3b
  launched INTEGER\x3b
BEGIN
  -- What a session made for itself alone is looked in last.
  PERFORM set_config(\'search_path\', quote_ident(own_schema) || \', pg_temp\', true)\x3b
  IF launch.name IS NULL OR launch.name !~ \'^[A-Za-z][A-Za-z0-9_.-]{0,99}$\' THEN
    RAISE EXCEPTION \'launch: "%" is no name of a task\', launch.name USING ERRCODE = \'22023\'\x3b
  END IF\x3b
  IF jsonb_typeof(coalesce(launch.options, \'{}\')) <> \'object\' THEN
    RAISE EXCEPTION \'launch: options must be an object\' USING ERRCODE = \'22023\'\x3b
  END IF\x3b
  SELECT given INTO wrong FROM jsonb_object_keys(coalesce(launch.options, \'{}\')) given
  WHERE given NOT IN (\'priority\', \'delayMs\', \'startAt\', \'expiresAt\', \'operationId\', \'meta\') LIMIT 1\x3b
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION \'launch: "%" is no option\', wrong USING ERRCODE = \'22023\'\x3b
  END IF\x3b
  INSERT INTO task (kind, operation_id, operation, title, backend, principal_id, principal_name, principal, parameters, meta, state, priority, due_at, expires_at, is_unread)
  VALUES (\'own\', (launch.options->>\'operationId\')::uuid, launch.name, launch.name, \'queue\', \'system:sql\', \'system: sql\',
    \'{"id": "system:sql", "name": "system: sql", "roles": []}\', coalesce(launch.params, \'null\'), launch.options->\'meta\', \'scheduled\', coalesce((launch.options->>\'priority\')::int, 0),
    coalesce((launch.options->>\'startAt\')::timestamptz, clock_timestamp() + make_interval(secs => coalesce((launch.options->>\'delayMs\')::float8, 0) / 1000)),
    (launch.options->>\'expiresAt\')::timestamptz, true)
  ON CONFLICT (operation_id) DO NOTHING RETURNING id INTO launched\x3b
  IF launched IS NULL THEN
    SELECT id INTO launched FROM task WHERE operation_id = (launch.options->>\'operationId\')::uuid AND principal_id = \'system:sql\'\x3b
    IF launched IS NULL THEN
      RAISE EXCEPTION \'launch: this operationId is another one\'\'s\' USING ERRCODE = \'22023\'\x3b
    END IF\x3b
    RETURN launched\x3b
  END IF\x3b
  INSERT INTO task_event (task_id, state) VALUES (launched, \'scheduled\')\x3b
  INSERT INTO audit_entry (act, principal_id, principal_name, origin, origin_name, task_id, details)
  VALUES (\'task-launched\', \'system:sql\', \'system: sql\', \'sql\', session_user, launched, json_build_object(\'operation\', launch.name))\x3b
  PERFORM pg_notify(\'bulkhead:\' || left(encode(sha256(convert_to(own_schema || \'_queue\', \'UTF8\')), \'hex\'), 32), \'\')\x3b
  RETURN launched\x3b
END
';
