-- isKnown
select
  kind,
  resource,
  operation,
  parameters,
  parameters_version as "parametersVersion",
  backend,
  request_id as "requestId",
  start_over is not null as "isStartingOver"
from
  "bulkhead"."task"
where
  id = $1
  and finished_at is null;

-- runKnown
begin isolation level read committed;

-- isPaused
select
  1
from
  "bulkhead"."paused_queue"
where
  name = 'bulk'
  and exists (
    select
    from
      "bulkhead"."task"
    where
      id = $1
      and backend <> 'inline'
  )
for share;

-- runKnown
select
  state,
  parallelism,
  start_over is not null
  or exists (
    select
      1
    from
      "bulkhead"."task" blocker
    where
      blocker.id = task.blocked_by
      and blocker.state in ('scheduled', 'queued', 'preparing', 'running', 'pausing', 'paused', 'cancelling')
  ) as "isBlocked"
from
  "bulkhead"."task" task
where
  id = $1
for update;

-- runKnown
insert into
  "bulkhead"."task_slot" (task_id, slot, worker_id, token)
select
  $1,
  free.slot,
  $3,
  $4
from
  generate_series(0, $2::int - 1) free (slot)
where
  not exists (
    select
      1
    from
      "bulkhead"."task_slot" held
    where
      held.task_id = $1
      and held.slot = free.slot
  )
order by
  free.slot
limit
  1
returning
  slot;

-- runKnown
update "bulkhead"."task"
set
  attempts = attempts + 1,
  blocked_by = null,
  rested_at = null,
  message = case
    when reason = 'unknown' then null
    else message
  end,
  reason = nullif(reason, 'unknown'),
  idle_ms = idle_ms + coalesce(
    extract(
      epoch
      from
        clock_timestamp() - greatest(rested_at, started_at)
    ) * 1000,
    0
  )
where
  id = $1;

-- moveTasks
with
  old as (
    select
      id,
      state
    from
      "bulkhead"."task"
    where
      id = any ($1)
      and state = any ($2)
    for update
  ),
  moved as (
    update "bulkhead"."task" task
    set
      state = $3,
      reason = coalesce($4, reason),
      message = coalesce($5, message),
      started_at = case
        when $3 = 'preparing' then coalesce(started_at, now())
        else started_at
      end,
      finished_at = case
        when $6 then clock_timestamp()
        else finished_at
      end
    from
      old
    where
      task.id = old.id
    returning
      task.*,
      old.state as from_state
  ),
  released as (
    delete from "bulkhead"."lock_set"
    where
      task_id in (
        select
          id
        from
          moved
        where
          $6
      )
  )
insert into
  "bulkhead"."task_event" (task_id, at, from_state, state, reason, by)
select
  id,
  clock_timestamp(),
  from_state,
  $3,
  $4,
  $7::jsonb
from
  moved
returning
  task_id;

-- runKnown
commit;

-- load
select
  id as "id",
  kind as "kind",
  operation_id as "operationId",
  resource as "resource",
  model as "model",
  operation as "operation",
  title as "title",
  backend as "backend",
  principal_id as "principalId",
  principal_name as "principalName",
  principal as "principal",
  parameters as "parameters",
  secrets is not null as "hasSecrets",
  parameters_version as "parametersVersion",
  meta as "meta",
  selection - 'keys' - 'where' as "selection",
  state as "state",
  reason as "reason",
  message as "message",
  write_through as "writeThrough",
  locks_off_reason as "locksOffReason",
  parallelism as "parallelism",
  overlap as "overlap",
  stop_ratio as "stopRatio",
  snapshot as "snapshot",
  change_reason as "changeReason",
  expected as "expected",
  coalesce(
    coalesce(total, 0) + case
      when kind = 'own' then (
        with recursive
          part as (
            select
              child.*
            from
              (
                select
                  id as root
              ) own
              join "bulkhead"."task" child on child.parent_id = own.root
            union all
            select
              child.*
            from
              part
              join "bulkhead"."task" child on child.parent_id = part.id
          )
        select
          case
            when count(*) > 0 then least(sum(coalesce(total, 1)), 2147483647)::int
          end
        from
          part
      )
    end,
    total
  ) as "total",
  chunk_count as "chunkCount",
  chunks_done as "chunksDone",
  done + coalesce(
    case
      when kind = 'own' then (
        with recursive
          part as (
            select
              child.*
            from
              (
                select
                  id as root
              ) own
              join "bulkhead"."task" child on child.parent_id = own.root
            union all
            select
              child.*
            from
              part
              join "bulkhead"."task" child on child.parent_id = part.id
          )
        select
          case
            when count(*) > 0 then least(
              sum(
                case
                  when state = 'succeeded' then coalesce(total, 1)
                  when total is null then 0
                  else least(done, total)
                end
              ),
              2147483647
            )::int
          end
        from
          part
      )
    end,
    0
  ) as "done",
  changed as "changed",
  unchanged as "unchanged",
  failed as "failed",
  gone as "gone",
  conflicted as "conflicted",
  kept_back as "keptBack",
  altered as "altered",
  follows_id as "followsId",
  line_id as "lineId",
  parent_id as "parentId",
  blocked_by as "blockedBy",
  start_over as "startOver",
  is_atomic as "isAtomic",
  attempts as "attempts",
  failed_attempts as "failedAttempts",
  due_at as "dueAt",
  waits_for as "waitsFor",
  queue as "queue",
  case
    when on_finished is not null then jsonb_build_object('title', on_finished -> 'title', 'taskId', on_finished -> 'taskId')
  end as "onFinished",
  wrote_itself as "wroteItself",
  is_undo as "isUndo",
  holds_affected as "holdsAffected",
  coalesce(limit_key, rate_key) is not null as "hasLimit",
  expires_at as "expiresAt",
  priority as "priority",
  progress_message as "progressMessage",
  result as "result",
  deaths as "deaths",
  created_at as "createdAt",
  queued_at as "queuedAt",
  started_at as "startedAt",
  finished_at as "finishedAt",
  request_id as "requestId",
  updated_at as "updatedAt",
  idle_ms as "idleMs",
  rested_at as "restedAt",
  acknowledged_at as "acknowledgedAt",
  acknowledged_by ->> 'name' as "acknowledgedBy",
  coalesce(
    kind = 'own'
    and exists (
      select
      from
        (
          select
            coalesce(line_id, id) as line
        ) own
        join "bulkhead"."task_step" step on step.line_id = own.line
    ),
    false
  ) as "canGoOn",
  case
    when finished_at is null
    and backend <> 'inline' then (
      select
        case
          when bool_or(
            (
              worker.knows is null
              or case kind
                when 'own' then coalesce((worker.knows -> 'own' ->> operation)::int >= parameters_version, false)
                and (
                  not is_undo
                  or worker.knows -> 'undo' ? operation
                )
                else coalesce((worker.knows -> 'bulk' -> resource ->> operation)::int >= parameters_version, false)
                and (
                  operation <> 'undo'
                  or coalesce(worker.knows -> 'bulk' -> resource ? (parameters -> 'what' ->> 'operation'), true)
                )
              end
            )
          ) then 'there'
          when count(*) > 0 then 'unknowing'
          else 'none'
        end
      from
        (
          select
            queues,
            backends,
            knows
          from
            "bulkhead"."worker" worker
          where
            exists (
              select
                1
              from
                pg_locks held
              where
                held.locktype = 'advisory'
                and held.mode = 'ExclusiveLock'
                and held.granted
                and held.objsubid = 2
                and held.classid = 1112296194::int::oid
                and held.objid = worker.lock_id::oid
                and held.database = (
                  select
                    oid
                  from
                    pg_database
                  where
                    datname = current_database()
                )
            )
        ) worker
      where
        (
          worker.queues is null
          or case kind
            when 'bulk' then 'bulk'
            else queue
          end = any (worker.queues)
        )
        and backend = any (worker.backends)
    )
  end as "workerFor",
  case
    when finished_at is null
    and backend <> 'inline' then (
      select
        jsonb_build_object('by', paused.by ->> 'name', 'at', paused.at, 'reason', paused.reason)
      from
        "bulkhead"."paused_queue" paused
      where
        paused.name = case kind
          when 'bulk' then 'bulk'
          else queue
        end
    )
  end as "queuePause",
  case
    when finished_at is null
    and backend <> 'inline'
    and not exists (
      select
        1
      from
        "bulkhead"."worker"
    ) then (
      select
        max(at)
      from
        "bulkhead"."worker_end"
    )
  end as "workerEndedAt"
from
  "bulkhead"."task"
where
  id = $1;

-- readGiven
select
  case
    when selection ? 'keys' then array(
      select
        jsonb_array_elements_text(selection -> 'keys')
    )
  end as keys,
  selection -> 'where' as "where"
from
  "bulkhead"."task"
where
  id = $1;

-- prepare
begin isolation level read committed;

-- holdLease
select
  1
from
  "bulkhead"."task_slot"
where
  task_id = $1
  and slot = $2
  and token = $3
for share;

-- prepare
delete from "bulkhead"."chunk"
where
  task_id = $1
  and state = 'draft';

-- prepare
commit;

-- readExclusives
select
  coalesce(held.conname, index.relname)::text as name,
  array(
    select
      pg_get_indexdef(indexrelid, part, true)
    from
      generate_series(1, indnkeyatts) part
  ) as parts,
  array(
    select
      format('operator(%I.%s)', nspname, oprname)
    from
      generate_series(1, indnkeyatts) part
      join pg_opclass on pg_opclass.oid = indclass[part - 1]
      left join pg_amop on amopfamily = opcfamily
      and amoplefttype = opcintype
      and amoprighttype = opcintype
      and amopstrategy = 3
      join pg_operator on pg_operator.oid = coalesce(held.conexclop[part], amopopr)
      join pg_namespace on pg_namespace.oid = oprnamespace
    order by
      part
  ) as operators,
  array(
    select
      coalesce(
        (
          select
            format(' collate %I.%I', nspname, collname)
          from
            pg_collation
            join pg_namespace on pg_namespace.oid = collnamespace
          where
            pg_collation.oid = indcollation[part - 1]
        ),
        ''
      )
    from
      generate_series(1, indnkeyatts) part
    order by
      part
  ) as collations,
  pg_get_expr(indpred, indrelid) as predicate,
  array(
    select
      attname::text
    from
      pg_attribute
    where
      attrelid = indrelid
      and attnum > 0
      and (
        attnum = any (indkey::int2[])
        or exists (
          select
          from
            pg_depend
          where
            classid = 'pg_class'::regclass
            and objid = indexrelid
            and refobjid = indrelid
            and refobjsubid = attnum
        )
      )
  ) as columns,
  array(
    select
      attname::text
    from
      pg_attribute
    where
      attrelid = indrelid
      and attnum > 0
      and not attisdropped
    order by
      attnum
  ) as every,
  array(
    select
      coalesce(
        (
          select
            format(' collate %I.%I', nspname, collname)
          from
            pg_collation
            join pg_namespace on pg_namespace.oid = collnamespace
          where
            pg_collation.oid = attcollation
        ),
        ''
      )
    from
      pg_attribute
    where
      attrelid = indrelid
      and attnum > 0
      and not attisdropped
    order by
      attnum
  ) as "everyCollation",
  coalesce(to_jsonb(pg_index) ->> 'indnullsnotdistinct' = 'true', false) as "isNullSame"
from
  pg_index
  join pg_class index on index.oid = indexrelid
  left join pg_constraint held on held.conindid = indexrelid
  and held.contype in ('p', 'u', 'x')
where
  indrelid = $1::text::regclass
  and (
    indisunique
    or indisexclusion
  )
  and indisvalid
order by
  1;

-- lockModel
select
  pg_advisory_xact_lock($1, hashtext ($2))::text;

-- isStillPreparing
select
  1
from
  "bulkhead"."task"
where
  id = $1
  and state = 'preparing'
for update;

-- draftModels
select distinct
  model
from
  "bulkhead"."lock_set"
where
  task_id = $1
  and not is_held;

-- findOverlaps
with
  mine as materialized (
    select
      number,
      keys,
      first_key,
      last_key
    from
      "bulkhead"."chunk" chunk
    where
      task_id = $1
      and state = 'draft'
      and exists (
        select
        from
          "bulkhead"."task"
        where
          id = $1
          and model = $2
      )
    union all
    select
      null,
      keys,
      first_key,
      last_key
    from
      "bulkhead"."lock_range" lock_range
      join "bulkhead"."lock_set" lock_set on lock_set.id = lock_range.set_id
    where
      lock_set.task_id = $1
      and lock_set.model = $2
      and not lock_set.is_held
  ),
  bounds as (
    select
      min(first_key) as low,
      max(last_key) as high
    from
      mine
  ),
  held as materialized (
    select
      chunk.task_id,
      chunk.keys
    from
      "bulkhead"."chunk" chunk
      join "bulkhead"."task" task on task.id = chunk.task_id,
      bounds
    where
      task.model = $2
      and task.id <> all ($3::int[])
      and task.state in ('scheduled', 'queued', 'preparing', 'running', 'pausing', 'paused', 'cancelling')
      and task.locks_off_reason is null
      and chunk.state = 'active'
      and chunk.first_key <= bounds.high
      and chunk.last_key >= bounds.low
    union all
    select
      lock_set.task_id,
      lock_range.keys
    from
      "bulkhead"."lock_set" lock_set
      join "bulkhead"."task" task on task.id = lock_set.task_id
      join "bulkhead"."lock_range" lock_range on lock_range.set_id = lock_set.id,
      bounds
    where
      lock_set.model = $2
      and lock_set.is_held
      and task.id <> all ($3::int[])
      and task.state in ('scheduled', 'queued', 'preparing', 'running', 'pausing', 'paused', 'cancelling')
      and task.locks_off_reason is null
      and lock_range.first_key <= bounds.high
      and lock_range.last_key >= bounds.low
  ),
  overlap as (
    select
      held_key.task_id,
      my_key.number,
      key
    from
      (
        select
          task_id,
          unnest(keys) as key
        from
          held
      ) held_key
      join (
        select
          number,
          unnest(keys) as key
        from
          mine
      ) my_key using (key)
  )
select
  task.id as "taskId",
  task.title,
  task.resource,
  task.principal_id as "principalId",
  task.principal_name as "principalName",
  task.state,
  task.done,
  coalesce(task.total, 0) as total,
  holder.is_of_set as "isOfSet"
from
  "bulkhead"."task" task
  join (
    select
      task_id,
      bool_or(number is null) as is_of_set
    from
      overlap
    group by
      task_id
  ) holder on holder.task_id = task.id
order by
  task.id;

-- activate
with
  sets as (
    update "bulkhead"."lock_set"
    set
      is_held = true
    where
      task_id = $1
      and not is_held
  )
update "bulkhead"."chunk"
set
  state = 'active'
where
  task_id = $1
  and state = 'draft';

-- begin
update "bulkhead"."task"
set
  total = $2,
  chunk_count = (
    select
      count(*)
    from
      "bulkhead"."chunk"
    where
      task_id = $1
  )
where
  id = $1
returning
  chunk_count as count;

-- findRewriting
select
  coalesce(bool_or((tgtype & 16) <> 0), false) as
update,
coalesce(bool_or((tgtype & 4) <> 0), false) as insert
from
  pg_trigger
where
  tgrelid in (
    with recursive
      part (id) as (
        select
          unnest($1::text[])::regclass::oid
        union
        select
          inhrelid
        from
          part
          join pg_inherits on inhparent = id
      )
    select
      id
    from
      part
  )
  and not tgisinternal
  and tgenabled in ('O', 'A')
  and (tgtype & 3) = 3;

-- startLoop
select
  current_setting('synchronous_standby_names') = '' as "isAlone";

-- hasTriggers
select
  1
from
  pg_trigger
where
  tgrelid in (
    with recursive
      part (id) as (
        select
          unnest($1::text[])::regclass::oid
        union
        select
          inhrelid
        from
          part
          join pg_inherits on inhparent = id
      )
    select
      id
    from
      part
  )
  and not tgisinternal
  and tgenabled in ('O', 'A')
limit
  1;

-- readsColumns
select
  coalesce(
    bool_or(
      finished_at < now() - interval '1 day'
      or finished_at - first < interval '10 minutes'
    ),
    false
  ) as "isSo"
from
  (
    select
      migration_name,
      finished_at,
      min(finished_at) over () as first
    from
      "bulkhead"._prisma_migrations
    where
      rolled_back_at is null
  ) history
where
  migration_name = $1;

-- withSettings
select
  was.*,
  set_config('enable_seqscan', 'off', false),
  set_config('jit', 'off', false),
  set_config('statement_timeout', '30000', false),
  set_config('lock_timeout', '5000', false),
  set_config('idle_in_transaction_session_timeout', '15000', false),
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('synchronous_commit', 'off', false),
  set_config('bulkhead.looped', '', false)
from
  (
    select
      current_setting('enable_seqscan') as s0,
      current_setting('jit') as s1,
      current_setting('statement_timeout') as s2,
      current_setting('lock_timeout') as s3,
      current_setting('idle_in_transaction_session_timeout') as s4,
      current_setting('default_transaction_isolation') as s5,
      current_setting('synchronous_commit') as s6
    offset
      0
  ) was;

-- withSettings
select
  current_setting('bulkhead.looped', true) as looped,
  set_config('enable_seqscan', 'on', false),
  set_config('jit', 'on', false),
  set_config('statement_timeout', '0', false),
  set_config('lock_timeout', '0', false),
  set_config('idle_in_transaction_session_timeout', '2min', false),
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('synchronous_commit', 'off', false);

-- releaseSlot
begin isolation level read committed;

-- releaseSlot
select
  state
from
  "bulkhead"."task"
where
  id = $1
for update;

-- releaseSlot
delete from "bulkhead"."task_slot"
where
  task_id = $1
  and slot = $2
  and token = $3;

-- releaseSlot
update "bulkhead"."task"
set
  rested_at = clock_timestamp()
where
  id = $1
  and not exists (
    select
      1
    from
      "bulkhead"."task_slot"
    where
      task_id = $1
  );

-- wakeWaiting
with
  woken as (
    update "bulkhead"."task" task
    set
      woken_at = now(),
      blocked_by = coalesce(nullif(ended.blocked_by, task.id), $1)
    from
      "bulkhead"."task" ended
    where
      ended.id = $1
      and task.blocked_by = $1
      and task.state = 'queued'
    returning
      task.id,
      task.kind,
      task.backend
  ),
  all_of_them as (
    select
      id,
      kind,
      backend
    from
      woken
    union all
    select
      parent.id,
      'own',
      parent.backend
    from
      "bulkhead"."task" task
      join "bulkhead"."task" parent on parent.id = task.parent_id
    where
      task.id = $1
    union all
    select
      id,
      'own',
      on_finished ->> 'backend'
    from
      "bulkhead"."task"
    where
      id = $1
      and on_finished is not null
  )
select
  kind,
  coalesce(backend, 'queue') as backend,
  array_agg(
    id
    order by
      id
  ) as ids
from
  all_of_them
group by
  1,
  2;

-- releaseSlot
commit;
