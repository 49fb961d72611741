-- 
select
  session.sess,
  session.expire::timestamptz as "endsAt",
  (
    extract(
      epoch
      from
        clock_timestamp()
    ) * 1000
  )::float8 as "nowMs",
  "user".id,
  "user".name,
  "user".email,
  "user".roles,
  "user".claims,
  "user".password_hash as "passwordHash",
  (
    select
      json_build_object('count', count(*), 'latest', coalesce(max(unseen.id), 0))
    from
      (
        select
          id
        from
          "bulkhead"."notice"
        where
          recipient = "user".id::text
          and channel = 'message'
          and state = 'sent'
          and seen_at is null
        order by
          id desc
        limit
          100
      ) unseen
  ) as unseen
from
  "bulkhead"."session" session
  left join "bulkhead"."user" "user" on "user".id = (session.sess ->> 'userId')::uuid
  and "user".deactivated_at is null
where
  session.sid = $1
  and session.expire > now();

-- 
select
  t."#o0",
  t."#o1",
  t."#o2",
  t."id" as "#0",
  left(t."name"::text, 101) as "#1",
  t."country_code" as "#2",
  left("r country"."name"::text, 81) as "#3",
  "r country"."code" as "#4",
  t."feature_code" as "#5",
  t."population" as "#6",
  t."status" as "#7",
  t."featured" as "#8",
  t."rating" as "#9",
  t."latitude" as "#10",
  t."longitude" as "#11"
from
  (
    select
      *
    from
      (
        (
          select
            t.*,
            left("s country"."name"::text, 1001) as "#o0",
            left(t."population"::text, 1001) as "#o1",
            left(t."id"::text, 1001) as "#o2",
            "s country"."name" as "#s0",
            t."population" as "#s1",
            t."id" as "#s2"
          from
            (
              select
                "gazetteer"."city".*
              FROM
                "gazetteer"."city"
              WHERE
                (
                  "gazetteer"."city"."name" = $1
                  AND "gazetteer"."city"."status" = CAST($2::text AS "gazetteer"."city_status")
                )
            ) t
            left join "gazetteer"."country" "s country" on "s country"."code" = t."country_code"
          where
            "s country"."name" is not null
          order by
            "s country"."name" asc,
            t."population" desc,
            t."id" desc
          limit
            $3::bigint + $4::bigint
        )
        union all
        (
          select
            t.*,
            left("s country"."name"::text, 1001) as "#o0",
            left(t."population"::text, 1001) as "#o1",
            left(t."id"::text, 1001) as "#o2",
            "s country"."name" as "#s0",
            t."population" as "#s1",
            t."id" as "#s2"
          from
            (
              select
                "gazetteer"."city".*
              FROM
                "gazetteer"."city"
              WHERE
                (
                  "gazetteer"."city"."name" = $1
                  AND "gazetteer"."city"."status" = CAST($2::text AS "gazetteer"."city_status")
                )
            ) t
            left join "gazetteer"."country" "s country" on "s country"."code" = t."country_code"
          where
            "s country"."name" is null
          order by
            t."population" desc,
            t."id" desc
          limit
            $3::bigint + $4::bigint
        )
      ) pieces
    offset
      $4::bigint
    limit
      $3::bigint
  ) t
  left join lateral (
    select
      *
    from
      "gazetteer"."country" r
    where
      r."code" = t."country_code"
    limit
      1
  ) "r country" on true
order by
  t."#s0" asc nulls last,
  t."#s1" desc,
  t."#s2" desc;

-- 
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
  principal_id = $1
  and resource = $2
  and finished_at is null
order by
  id desc
limit
  5;
