-- A task that SQL launched: what its code says of it (title, queue, limits) is worked out when a worker first reads it.
ALTER TABLE "task" ADD COLUMN     "is_unread" BOOLEAN NOT NULL DEFAULT false;

-- Launches a task of the project's own from SQL, such as a trigger's: `select bulkhead.launch('places.recount', '{"country": "ESP"}')`.
-- It is there when the transaction commits. Options: priority, delayMs, startAt, expiresAt, operationId, meta. Gives the task's id.
-- Nobody may call it who was not granted to.
-- (Prisma's adapter cuts a script at every semicolon, even within a string: in the body they are written as \x3b.)
CREATE FUNCTION "launch"("name" TEXT, "params" JSONB DEFAULT '{}', "options" JSONB DEFAULT '{}')
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
  PERFORM pg_notify(\'bulkhead:\' || left(encode(sha256(convert_to(own_schema || \'_queue\', \'UTF8\')), \'hex\'), 32), \'\')\x3b
  RETURN launched\x3b
END
';

REVOKE ALL ON FUNCTION "launch"(TEXT, JSONB, JSONB) FROM PUBLIC;
