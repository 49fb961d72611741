-- prepare
with
  numbered as (
    select
      key,
      (
        row_number() over (
          order by
            key
        ) - 1
      )::int as n
    from
      (
        select distinct
          key
        from
          "bulkhead"."change" change
          cross join unnest(change.keys) key
        where
          change.task_id = $1::int
          and change.model = $2
          and (
            $3::text[] is null
            or key = any ($3::text[])
          )
      ) source
  ),
  inserted as (
    insert into
      "bulkhead"."chunk" (task_id, number, state, keys, first_key, last_key)
    select
      $4::int,
      n / $5::int * $5::int,
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
      n / $5::int
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
       select number, keys from "bulkhead"."chunk" where task_id =  ''5''::int and state = ''active'' order by first_key asc limit 1 for update skip locked
     ), cut as (
       select number, keys from next where cardinality(keys) >  ''50''::int * 1.25
     ), first as (
       update "bulkhead"."chunk" chunk set keys = cut.keys[1: ''50''::int], last_key = cut.keys[ ''50''::int] from cut where chunk.task_id =  ''5''::int and chunk.number = cut.number
     ), rest as (
       insert into "bulkhead"."chunk" (task_id, number, state, keys, first_key, last_key)
       select  ''5''::int, number +  ''50''::int, ''active'', keys[ ''50''::int + 1:], keys[ ''50''::int + 1], keys[cardinality(keys)] from cut
     ), claimed as (
       select next.number, coalesce(cut.keys[1: ''50''::int], next.keys) as keys, (cut.number is not null)::int as added
       from next left join cut using (number)
     ) select number, keys, cardinality(keys), added from claimed into bulkhead_number, bulkhead_keys, bulkhead_count, bulkhead_added;
    if bulkhead_number is null then
      rollback;
      bulkhead_end := ''none-left'';
      exit;
    end if;
    bulkhead_ids := array(select (case when left(own.key, 1) = ''-'' then substr(own.key, 2)::numeric - 10000000000000000000 else own.key::numeric end)::integer from unnest(bulkhead_keys) own(key));
    with image as materialized (
      select entry.key, entry.before, entry.after, change.chunk, change.kept_along
      from "bulkhead"."change" change cross join lateral (select case when jsonb_typeof(change.before) = ''array'' then ''list'' when jsonb_exists(change.before, ''*columns'') then ''columns'' else ''same'' end as before, case when jsonb_typeof(change.before) = ''array'' then change.before || ''[]'' else change.before - ''*columns'' end as before_whole, change.before -> ''*columns'' -> ''id'' as before_0, change.before -> ''*columns'' -> ''name'' as before_1, change.before -> ''*columns'' -> ''alt_name'' as before_2, change.before -> ''*columns'' -> ''country_code'' as before_3, change.before -> ''*columns'' -> ''feature_code'' as before_4, change.before -> ''*columns'' -> ''admin_code'' as before_5, change.before -> ''*columns'' -> ''population'' as before_6, change.before -> ''*columns'' -> ''latitude'' as before_7, change.before -> ''*columns'' -> ''longitude'' as before_8, change.before -> ''*columns'' -> ''status'' as before_9, change.before -> ''*columns'' -> ''featured'' as before_10, change.before -> ''*columns'' -> ''rating'' as before_11, change.before -> ''*columns'' -> ''reviewed_at'' as before_12, change.before -> ''*columns'' -> ''notes'' as before_13, change.before -> ''*columns'' -> ''created_at'' as before_14, change.before -> ''*columns'' -> ''updated_at'' as before_15, change.before -> ''*columns'' -> ''*links'' as before_16, case when jsonb_typeof(change.after) = ''array'' then ''list'' when jsonb_exists(change.after, ''*columns'') then ''columns'' else ''same'' end as after, case when jsonb_typeof(change.after) = ''array'' then change.after || ''[]'' else change.after - ''*columns'' end as after_whole, change.after -> ''*columns'' -> ''id'' as after_0, change.after -> ''*columns'' -> ''name'' as after_1, change.after -> ''*columns'' -> ''alt_name'' as after_2, change.after -> ''*columns'' -> ''country_code'' as after_3, change.after -> ''*columns'' -> ''feature_code'' as after_4, change.after -> ''*columns'' -> ''admin_code'' as after_5, change.after -> ''*columns'' -> ''population'' as after_6, change.after -> ''*columns'' -> ''latitude'' as after_7, change.after -> ''*columns'' -> ''longitude'' as after_8, change.after -> ''*columns'' -> ''status'' as after_9, change.after -> ''*columns'' -> ''featured'' as after_10, change.after -> ''*columns'' -> ''rating'' as after_11, change.after -> ''*columns'' -> ''reviewed_at'' as after_12, change.after -> ''*columns'' -> ''notes'' as after_13, change.after -> ''*columns'' -> ''created_at'' as after_14, change.after -> ''*columns'' -> ''updated_at'' as after_15, change.after -> ''*columns'' -> ''*links'' as after_16 offset 0) read
      cross join lateral (
        select key, case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) when ''columns'' then jsonb_build_object(''id'', read.before_0 -> (listed.place::int - 1), ''name'', read.before_1 -> (listed.place::int - 1), ''alt_name'', read.before_2 -> (listed.place::int - 1), ''country_code'', read.before_3 -> (listed.place::int - 1), ''feature_code'', read.before_4 -> (listed.place::int - 1), ''admin_code'', read.before_5 -> (listed.place::int - 1), ''population'', read.before_6 -> (listed.place::int - 1), ''latitude'', read.before_7 -> (listed.place::int - 1), ''longitude'', read.before_8 -> (listed.place::int - 1), ''status'', read.before_9 -> (listed.place::int - 1), ''featured'', read.before_10 -> (listed.place::int - 1), ''rating'', read.before_11 -> (listed.place::int - 1), ''reviewed_at'', read.before_12 -> (listed.place::int - 1), ''notes'', read.before_13 -> (listed.place::int - 1), ''created_at'', read.before_14 -> (listed.place::int - 1), ''updated_at'', read.before_15 -> (listed.place::int - 1), ''*links'', read.before_16 -> (listed.place::int - 1)) else read.before_whole end as before, case read.after when ''list'' then read.after_whole -> (listed.place::int - 1) when ''columns'' then jsonb_build_object(''id'', read.after_0 -> (listed.place::int - 1), ''name'', read.after_1 -> (listed.place::int - 1), ''alt_name'', read.after_2 -> (listed.place::int - 1), ''country_code'', read.after_3 -> (listed.place::int - 1), ''feature_code'', read.after_4 -> (listed.place::int - 1), ''admin_code'', read.after_5 -> (listed.place::int - 1), ''population'', read.after_6 -> (listed.place::int - 1), ''latitude'', read.after_7 -> (listed.place::int - 1), ''longitude'', read.after_8 -> (listed.place::int - 1), ''status'', read.after_9 -> (listed.place::int - 1), ''featured'', read.after_10 -> (listed.place::int - 1), ''rating'', read.after_11 -> (listed.place::int - 1), ''reviewed_at'', read.after_12 -> (listed.place::int - 1), ''notes'', read.after_13 -> (listed.place::int - 1), ''created_at'', read.after_14 -> (listed.place::int - 1), ''updated_at'', read.after_15 -> (listed.place::int - 1), ''*links'', read.after_16 -> (listed.place::int - 1)) else read.after_whole end as after from unnest(change.keys) with ordinality as listed(key, place) where key in (select unnest(bulkhead_keys)) offset 0
      ) entry
      where change.task_id =  ''4''::int and change.model =  ''City'' and change.kind =  ''delete''
        and change.fields =  ''{}''::text[]
        and change.first_key >= coalesce((select max(first_key) from "bulkhead"."chunk" where task_id =  ''4''::int and first_key <= bulkhead_keys[1]), '''')
        and change.first_key <= bulkhead_keys[bulkhead_count]
    ), there as (select (case when t."id" >= 0 then lpad(t."id"::text, 20, ''0'') else ''-'' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, ''0'') end) collate "C" as key from "gazetteer"."city" t where t."id" = any(bulkhead_ids)), judged as materialized (
      select key as "_key", before as "_before", null::jsonb as "_after", null::text as "_field",
        case when before is null then ''purged''  when kept_along is null then ''not-kept''
          when key in (select key from there) then ''exists''  else ''restore'' end as "_state"
      from image
    ), created as (
      insert into "gazetteer"."city" as t (id, name, alt_name, country_code, feature_code, admin_code, population, latitude, longitude, status, featured, rating, reviewed_at, notes, created_at, updated_at) overriding system value
      select was.id, was.name, was.alt_name, was.country_code, was.feature_code, was.admin_code, was.population, was.latitude, was.longitude, was.status, was.featured, was.rating, was.reviewed_at, was.notes, was.created_at, was.updated_at
      from judged cross join lateral jsonb_populate_record(null::"gazetteer"."city", judged."_before") was where judged."_state" = ''restore''
      returning (case when t."id" >= 0 then lpad(t."id"::text, 20, ''0'') else ''-'' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, ''0'') end) collate "C" as key
    ), linked_0 as (
      insert into "gazetteer"."_CityToTag" ("A", "B")
      select (judged."_before" ->> ''id'')::integer, linked::integer from judged
      cross join lateral jsonb_array_elements_text(coalesce(judged."_before" -> ''*links'' -> ''tags'', ''[]'')) linked
      where judged."_key" in (select key from created) on conflict do nothing
    ), unlocked as materialized (select key from image where key not in (select "_key" from judged)), kept_back (key) as (select "_key" from judged where "_state" = ''restore'' and "_key" not in (select key from created)), journal as (insert into "bulkhead"."change" (model, resource, kind, task_id, chunk, principal_id, principal_name, change_reason, fields, keys, first_key, before, after) select  ''City''::text,  ''cities''::text, ''create'',  ''5''::int, bulkhead_number::int,  ''00000000-0000-4000-8000-00000000000a''::text,  ''Ada''::text,  null::text,  ''{}''::text[], array_agg("_key" order by "_key"), min("_key"), null, jsonb_agg("_before" order by "_key") from judged  where "_state" = ''restore'' having count(*) > 0), counted as (
      select (select count(*)::int from judged where "_state" = ''restore'') as changed,
        (select count(*)::int from judged where "_state" = ''unchanged'') as unchanged,
        (select count(*)::int from unlocked where key not in (select key from kept_back)) as gone,
        (select coalesce(jsonb_agg(jsonb_build_object(''code'', "_state" || coalesce('':'' || "_field", ''''), ''field'', "_field", ''message'',  ''{"edited-since:tags":"Edited since: Tags is no longer what the task wrote.","edited-since:*":"Edited since: it is no longer what the task made.","exists":"A record of this key exists again.","not-kept":"What was deleted along with it is not kept.","purged":"The values that were there before are no longer kept."}''::jsonb ->> ("_state" || coalesce('':'' || "_field", '''')), ''keys'', keys)), ''[]'')
          from (select "_state", "_field", jsonb_agg("_key" order by "_key") as keys from judged
            where "_state" not in (''restore'', ''unchanged'') group by "_state", "_field") refused)
          || (select case when count(*) = 0 then ''[]'' else jsonb_build_array(jsonb_build_object(''code'',  ''kept-back''::text,
            ''message'',  ''It stands as it was: the database (a trigger, a policy) or code of the project kept the change back, without saying why.''::text, ''keys'', jsonb_agg(key order by key))) end from kept_back) as refusals
    ) select changed, unchanged, gone, refusals <> ''[]'' as is_left from counted into bulkhead_changed, bulkhead_unchanged, bulkhead_gone, bulkhead_left;
    if bulkhead_left then
      rollback;
      bulkhead_end := ''left'';
      exit;
    end if;
    set constraints all immediate;
    with marked as (
     update "bulkhead"."chunk" set state = ''done'', changed = bulkhead_changed, unchanged = bulkhead_unchanged, failed = 0, gone = bulkhead_gone, conflicted = 0,
       kept_back = 0, finished_at = clock_timestamp(), duration_ms = extract(epoch from clock_timestamp() - bulkhead_at)::float8 * 1000 where task_id =  ''5''::int and number = bulkhead_number
   ), sums as (
     select id, chunk_count + bulkhead_added - chunks_done - 1 as left_over,
       done + bulkhead_changed + bulkhead_unchanged + 0 + bulkhead_gone + 0 + 0 as done, changed + bulkhead_changed as changed,
       unchanged + bulkhead_unchanged as unchanged, failed + 0 as failed, gone + bulkhead_gone as gone, conflicted + 0 as conflicted,
       kept_back + 0 as kept_back, failed + kept_back + 0 + 0 as refused
     from "bulkhead"."task" where id =  ''5''::int and state = ''running'' and exists (select 1 from "bulkhead"."task_slot" where task_id =  ''5''::int and slot =  ''0''::int and token =  ''(an id that was drawn)''::uuid)
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
     select  ''5''::int, clock_timestamp(), ''running'', state, reason from counted where state <> ''running''
   ), released as (
     delete from "bulkhead"."lock_set" where task_id =  ''5''::int and exists (select from counted where state <> ''running'')
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
