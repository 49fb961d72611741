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

-- withSettings
do '
#variable_conflict use_variable
declare
  bulkhead_begun constant timestamptz := clock_timestamp();
  bulkhead_at timestamptz;
  bulkhead_number int;
  bulkhead_keys text[];
  bulkhead_ids integer[];
  bulkhead_count int;
  bulkhead_added int;
  bulkhead_changed int;
  bulkhead_unchanged int;
  bulkhead_gone int;
  bulkhead_left boolean;
  bulkhead_state text;
  bulkhead_waited boolean;
  bulkhead_chunks jsonb := ''[]'';
  bulkhead_end text := ''done'';
begin
  for bulkhead_n in 1..1 loop
    bulkhead_at := clock_timestamp();
    with next as (
       select number, keys from "bulkhead"."chunk" where task_id =  ''1''::int and state = ''active'' order by first_key asc limit 1 for update skip locked
     ), cut as (
       select number, keys from next where cardinality(keys) >  ''100''::int * 1.25
     ), first as (
       update "bulkhead"."chunk" chunk set keys = cut.keys[1: ''100''::int], last_key = cut.keys[ ''100''::int] from cut where chunk.task_id =  ''1''::int and chunk.number = cut.number
     ), rest as (
       insert into "bulkhead"."chunk" (task_id, number, state, keys, first_key, last_key)
       select  ''1''::int, number +  ''100''::int, ''active'', keys[ ''100''::int + 1:], keys[ ''100''::int + 1], keys[cardinality(keys)] from cut
     ), claimed as (
       select next.number, coalesce(cut.keys[1: ''100''::int], next.keys) as keys, (cut.number is not null)::int as added
       from next left join cut using (number)
     ) select number, keys, cardinality(keys), added from claimed into bulkhead_number, bulkhead_keys, bulkhead_count, bulkhead_added;
    if bulkhead_number is null then
      rollback;
      bulkhead_end := ''none-left'';
      exit;
    end if;
    bulkhead_ids := array(select case when starts_with(own.key, ''-'') then (substr(own.key, 2)::numeric - 10000000000000000000)::integer else own.key::integer end from unnest(bulkhead_keys) own(key));
    with locked as materialized (select t.* from "gazetteer"."city" t where t."id" = any(bulkhead_ids) order by (case when t."id" >= 0 then lpad(t."id"::text, 20, ''0'') else ''-'' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, ''0'') end) for update), changed as materialized (
      select candidate.*, (case when candidate."id" >= 0 then lpad(candidate."id"::text, 20, ''0'') else ''-'' || lpad((10000000000000000000 + candidate."id"::numeric)::text, 19, ''0'') end) collate "C" as "_key"
      from (select t.*, array(select distinct v collate "C" from unnest((t."_before0" || array(select v from unnest(( ''{1}'')::text[]) with ordinality as operand(v, n) where v <> all(coalesce(t."_before0", ''{}'')) order by n))::text[]) v order by 1) as "_after0" from (select t.*, coalesce(linked0.ids, ''{}'') as "_before0" from locked t left join (select j."A" as id, array_agg(j."B"::text collate "C" order by j."B"::text collate "C") as ids from "gazetteer"."_CityToTag" j
    where j."A" = any(bulkhead_ids) group by 1) linked0 on linked0.id = t."id") t offset 0) candidate where candidate."status" is distinct from (( ''published'')::"gazetteer"."city_status") or (candidate."notes")::text collate "C" is distinct from ((candidate."notes" ||  ''!''::text)::text)::text collate "C" or candidate."_before0" is distinct from candidate."_after0"
    ), written as (
      update "gazetteer"."city" t set "status" = ( ''published'')::"gazetteer"."city_status", "notes" = (t."notes" ||  ''!''::text)::text, "updated_at" = now()::timestamptz from changed where t."id" = changed."id" returning changed."_key" as "_written"
    ), linked as materialized (select changed.* from changed join written on "_written" = "_key"), gone0 as materialized (select r."id" as own, v::integer as other from linked r cross join unnest(r."_before0") v where v <> all(r."_after0")), dropped0 as (delete from "gazetteer"."_CityToTag" j using gone0 gone
        where j."A" = any(array(select own from gone0)) and j."A" = gone.own and j."B" = gone.other), added0 as (insert into "gazetteer"."_CityToTag" ("A", "B") select r."id" as own, v::integer as other from linked r cross join unnest(r."_after0") v where v <> all(r."_before0") on conflict do nothing), images as (
      select array_agg("_key" order by "_key") as keys,
        jsonb_build_object(''*columns'', jsonb_build_object(''status'', to_jsonb(array_agg(changed."status" order by "_key")), ''notes'', to_jsonb(array_agg(changed."notes" order by "_key")), ''updatedAt'', to_jsonb(array_agg(changed."updated_at" order by "_key")), ''tags'', jsonb_agg(changed."_before0" order by "_key"))) as before,
        jsonb_build_object(''*columns'', jsonb_build_object(''status'', to_jsonb(array_agg((( ''published'')::"gazetteer"."city_status")::"gazetteer"."city_status" order by "_key")), ''notes'', to_jsonb(array_agg(((changed."notes" ||  ''!''::text)::text)::text order by "_key")), ''updatedAt'', to_jsonb(array_agg((now()::timestamptz)::timestamptz order by "_key")), ''tags'', jsonb_agg(changed."_after0" order by "_key"))) as after,
        null::text[] as put_back
      from changed join written on "_written" = "_key"
    ), journal as (insert into "bulkhead"."change" (model, resource, kind, task_id, chunk, principal_id, principal_name, change_reason, fields, keys, first_key, before, after) select  ''City''::text,  ''cities''::text, ''update'',  ''1''::int, bulkhead_number::int,  ''00000000-0000-4000-8000-00000000000a''::text,  ''Ada''::text,  null::text,  ''{"status","notes","updatedAt","tags"}''::text[], keys, keys[1], before, after from images where cardinality(keys) > 0)
    select changed, same as unchanged, 0 as gone, not (changed + same = bulkhead_count) or put_back is not null as is_left from images cross join lateral (select coalesce(cardinality(keys), 0)::int as changed) counted
      cross join lateral (select case when changed = bulkhead_count then 0 else (select (select count(*) from locked)::int - (select count(*) from changed)::int) end as same) seen into bulkhead_changed, bulkhead_unchanged, bulkhead_gone, bulkhead_left;
    if bulkhead_left then
      rollback;
      bulkhead_end := ''left'';
      exit;
    end if;
    set constraints all immediate;
    with marked as (
     update "bulkhead"."chunk" set state = ''done'', changed = bulkhead_changed, unchanged = bulkhead_unchanged, failed = 0, gone = bulkhead_gone, conflicted = 0,
       kept_back = 0, finished_at = clock_timestamp(), duration_ms = extract(epoch from clock_timestamp() - bulkhead_at)::float8 * 1000 where task_id =  ''1''::int and number = bulkhead_number
   ), sums as (
     select id, chunk_count + bulkhead_added - chunks_done - 1 as left_over,
       done + bulkhead_changed + bulkhead_unchanged + 0 + bulkhead_gone + 0 + 0 as done, changed + bulkhead_changed as changed,
       unchanged + bulkhead_unchanged as unchanged, failed + 0 as failed, gone + bulkhead_gone as gone, conflicted + 0 as conflicted,
       kept_back + 0 as kept_back, failed + kept_back + 0 + 0 as refused
     from "bulkhead"."task" where id =  ''1''::int and state = ''running'' and exists (select 1 from "bulkhead"."task_slot" where task_id =  ''1''::int and slot =  ''0''::int and token =  ''(an id that was drawn)''::uuid)
     for update
   ), judged as (
     select *, left_over > 0 and done >= 1000 and refused >  ''0.5''::float8 * done as is_stopped from sums
   ), counted as (
     update "bulkhead"."task" task set chunk_count = task.chunk_count + bulkhead_added, chunks_done = task.chunks_done + 1, done = judged.done,
       changed = judged.changed, unchanged = judged.unchanged, failed = judged.failed, gone = judged.gone,
       conflicted = judged.conflicted, kept_back = judged.kept_back, altered = task.altered + 0, deaths = 0,
       state = case when is_stopped then ''failed'' when left_over > 0 then task.state
         when judged.refused + judged.conflicted = 0 then ''succeeded'' when judged.changed > 0 then ''partial'' else ''failed'' end,
       reason = case when is_stopped then ''too-many-refused'' when left_over > 0 then task.reason
         when judged.refused > 0 then ''records-refused'' when judged.conflicted > 0 then ''records-held'' end,
       message = case when is_stopped then format(''It stopped itself: %s of %s records were refused. What was changed before stays.'',
         to_char(judged.refused, ''FM999,999,999,990''), to_char(judged.done, ''FM999,999,999,990'')) else task.message end,
       finished_at = case when is_stopped or left_over = 0 then clock_timestamp() end
     from judged where task.id = judged.id
     returning task.state, task.reason
   ), event as (
     insert into "bulkhead"."task_event" (task_id, at, from_state, state, reason)
     select  ''1''::int, clock_timestamp(), ''running'', state, reason from counted where state <> ''running''
   ), released as (
     delete from "bulkhead"."lock_set" where task_id =  ''1''::int and exists (select from counted where state <> ''running'')
   )
   select state, exists (
     select 1 from pg_locks waiting where waiting.locktype = ''transactionid'' and not waiting.granted
       and waiting.transactionid = pg_current_xact_id()::xid
   ) as "isWaitedFor" from counted into bulkhead_state, bulkhead_waited;
    if bulkhead_state is null then
      rollback;
      bulkhead_end := ''stopped'';
      exit;
    end if;
    if bulkhead_state <> ''running'' then
      bulkhead_end := ''finished'';
      perform set_config(''synchronous_commit'', ''on'', true);
    end if;
    bulkhead_chunks := bulkhead_chunks || jsonb_build_array(jsonb_build_array(bulkhead_count, extract(epoch from clock_timestamp() - bulkhead_at)::float8 * 1000, bulkhead_waited, bulkhead_changed, bulkhead_unchanged, bulkhead_gone));
    perform set_config(''bulkhead.looped'', jsonb_build_object(''chunks'', bulkhead_chunks, ''end'', bulkhead_end)::text, false);
    commit;
    bulkhead_chunks := jsonb_set(bulkhead_chunks, array[(bulkhead_n - 1)::text, ''1''], to_jsonb(extract(epoch from clock_timestamp() - bulkhead_at)::float8 * 1000));
    exit when bulkhead_end <> ''done'' or bulkhead_waited or extract(epoch from clock_timestamp() - bulkhead_at)::float8 * 1000 > 30 or extract(epoch from clock_timestamp() - bulkhead_begun)::float8 * 1000 > 250;
  end loop;
  perform set_config(''bulkhead.looped'', jsonb_build_object(''chunks'', bulkhead_chunks, ''end'', bulkhead_end)::text, false);
end';
