-- prepare
with
  numbered as (
    select
      key,
      (
        row_number() over (
          order by
            place
        ) - 1
      )::int as n
    from
      (
        select
          (
            case
              when t."id" >= 0 then lpad(t."id"::text, 20, '0')
              else '-' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, '0')
            end
          ) collate "C" as key,
          t."id" as place
        from
          (
            SELECT
              "gazetteer"."city"."id"
            FROM
              "gazetteer"."city"
            WHERE
              1 = 1
          ) t
      ) source
  ),
  inserted as (
    insert into
      "bulkhead"."chunk" (task_id, number, state, keys, first_key, last_key)
    select
      $1::int,
      n / $2::int * $2::int,
      'draft',
      array_agg(
        key
        order by
          n
      ),
      min(key),
      max(key)
    from
      numbered
    group by
      n / $2::int
    returning
      cardinality(keys) as size
  )
select
  coalesce(sum(size), 0)::int as total,
  count(*)::int as "chunkCount"
from
  inserted;

-- chunkTransaction
begin isolation level read committed;

set
  local enable_seqscan = off;

set
  local jit = off;

set
  local statement_timeout = 30000;

set
  local lock_timeout = 5000;

set
  local idle_in_transaction_session_timeout = 15000;

-- claimChunk
with
  next as (
    select
      number,
      keys
    from
      "bulkhead"."chunk"
    where
      task_id = $1::int
      and state = 'active'
    order by
      first_key asc
    limit
      1
    for update
      skip locked
  ),
  cut as (
    select
      number,
      keys
    from
      next
    where
      cardinality(keys) > $2::int * 1.25
  ),
  first as (
    update "bulkhead"."chunk" chunk
    set
      keys = cut.keys[1:$2::int],
      last_key = cut.keys[$2::int]
    from
      cut
    where
      chunk.task_id = $1::int
      and chunk.number = cut.number
  ),
  rest as (
    insert into
      "bulkhead"."chunk" (task_id, number, state, keys, first_key, last_key)
    select
      $1::int,
      number + $2::int,
      'active',
      keys[$2::int + 1:],
      keys[$2::int + 1],
      keys[cardinality(keys)]
    from
      cut
  ),
  claimed as (
    select
      next.number,
      coalesce(cut.keys[1:$2::int], next.keys) as keys,
      (cut.number is not null)::int as added
    from
      next
      left join cut using (number)
  )
select
  number,
  to_json(keys) as keys,
  added
from
  claimed;

-- readNeeds
select
  (
    case
      when t."id" >= 0 then lpad(t."id"::text, 20, '0')
      else '-' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, '0')
    end
  ) collate "C" as key,
  to_json(array[t."featured"::text, t."status"::text]::text[]) as texts
from
  "gazetteer"."city" t
where
  t."id" = any ($1::integer[])
order by
  1
for update of
  t;

-- writeSet
with
  written as (
    update "gazetteer"."city" t
    set
      "status" = ($1)::"gazetteer"."city_status",
      "updated_at" = now()::timestamptz
    where
      t."id" = any ($2::integer[])
      and (t."status" is distinct from (($1)::"gazetteer"."city_status"))
    returning
      new."id" as id,
      old."status" as old_0,
      old."updated_at" as old_1
  ),
  gathered as (
    select
      array_agg(
        id
        order by
          id
      ) as listed,
      jsonb_build_object(
        '*columns',
        jsonb_build_object(
          'status',
          to_jsonb(
            array_agg(
              old_0
              order by
                id
            )
          ),
          'updatedAt',
          to_jsonb(
            array_agg(
              old_1
              order by
                id
            )
          )
        )
      ) as before,
      jsonb_build_object(
        'status',
        (($1)::"gazetteer"."city_status")::"gazetteer"."city_status",
        'updatedAt',
        (now()::timestamptz)::timestamptz
      ) as after,
      null::text[] as put_back
    from
      written
  ),
  images as (
    select
      case
        when listed::integer[] = $2::integer[] then $3::text[]
        else array(
          select
            (
              case
                when own.id >= 0 then lpad(own.id::text, 20, '0')
                else '-' || lpad((10000000000000000000 + own.id::numeric)::text, 19, '0')
              end
            )
          from
            unnest(listed) own (id)
        )
      end as keys,
      before,
      after,
      put_back
    from
      gathered
  ),
  journal as (
    insert into
      "bulkhead"."change" (
        model,
        resource,
        kind,
        task_id,
        chunk,
        principal_id,
        principal_name,
        change_reason,
        fields,
        keys,
        first_key,
        before,
        after
      )
    select
      $4::text,
      $5::text,
      'update',
      $6::int,
      $7::int,
      $8::text,
      $9::text,
      $10::text,
      $11::text[],
      keys,
      keys[1],
      before,
      after
    from
      images
    where
      cardinality(keys) > 0
  )
select
  changed,
  case
    when changed + same = $12::int then same
    else 0
  end as unchanged,
  case
    when not (changed + same = $12::int) then coalesce(keys, '{}')
  end as written,
  put_back as "putBack"
from
  images
  cross join lateral (
    select
      coalesce(cardinality(keys), 0)::int as changed
  ) counted
  cross join lateral (
    select
      case
        when changed = $12::int then 0
        else (
          select
            0
        )
      end as same
  ) seen;

-- finishChunk
with
  marked as (
    update "bulkhead"."chunk"
    set
      state = 'done',
      changed = $1::int,
      unchanged = $2::int,
      failed = $3::int,
      gone = $4::int,
      conflicted = $5::int,
      kept_back = $6::int,
      finished_at = clock_timestamp(),
      duration_ms = $7::float8
    where
      task_id = $8::int
      and number = $9::int
  ),
  sums as (
    select
      id,
      chunk_count + $10::int - chunks_done - 1 as left_over,
      done + $1::int + $2::int + $3::int + $4::int + $5::int + $6::int as done,
      changed + $1::int as changed,
      unchanged + $2::int as unchanged,
      failed + $3::int as failed,
      gone + $4::int as gone,
      conflicted + $5::int as conflicted,
      kept_back + $6::int as kept_back,
      failed + kept_back + $3::int + $6::int as refused
    from
      "bulkhead"."task"
    where
      id = $8::int
      and state = 'running'
      and exists (
        select
          1
        from
          "bulkhead"."task_slot"
        where
          task_id = $8::int
          and slot = $11::int
          and token = $12::uuid
      )
    for update
  ),
  judged as (
    select
      *,
      left_over > 0
      and done >= 1000
      and refused > $13::float8 * done as is_stopped
    from
      sums
  ),
  counted as (
    update "bulkhead"."task" task
    set
      chunk_count = task.chunk_count + $10::int,
      chunks_done = task.chunks_done + 1,
      done = judged.done,
      changed = judged.changed,
      unchanged = judged.unchanged,
      failed = judged.failed,
      gone = judged.gone,
      conflicted = judged.conflicted,
      kept_back = judged.kept_back,
      altered = task.altered + $14::int,
      deaths = 0,
      state = case
        when is_stopped then 'failed'
        when left_over > 0 then task.state
        when judged.refused + judged.conflicted = 0 then 'succeeded'
        when judged.changed > 0 then 'partial'
        else 'failed'
      end,
      reason = case
        when is_stopped then 'too-many-refused'
        when left_over > 0 then task.reason
        when judged.refused > 0 then 'records-refused'
        when judged.conflicted > 0 then 'records-held'
      end,
      message = case
        when is_stopped then format(
          'It stopped itself: %s of %s records were refused. What was changed before stays.',
          to_char(judged.refused, 'FM999,999,999,990'),
          to_char(judged.done, 'FM999,999,999,990')
        )
        else task.message
      end,
      finished_at = case
        when is_stopped
        or left_over = 0 then clock_timestamp()
      end
    from
      judged
    where
      task.id = judged.id
    returning
      task.state,
      task.reason
  ),
  event as (
    insert into
      "bulkhead"."task_event" (task_id, at, from_state, state, reason)
    select
      $8::int,
      clock_timestamp(),
      'running',
      state,
      reason
    from
      counted
    where
      state <> 'running'
  ),
  released as (
    delete from "bulkhead"."lock_set"
    where
      task_id = $8::int
      and exists (
        select
        from
          counted
        where
          state <> 'running'
      )
  )
select
  state,
  exists (
    select
      1
    from
      pg_locks waiting
    where
      waiting.locktype = 'transactionid'
      and not waiting.granted
      and waiting.transactionid = pg_current_xact_id()::xid
  ) as "isWaitedFor"
from
  counted;

-- chunkTransaction
set constraints all immediate;

commit;
