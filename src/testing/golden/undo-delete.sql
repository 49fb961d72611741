-- readColumnTypes
select
  attname::text as name,
  format_type(atttypid, -1) as type
from
  pg_attribute
  join pg_type on pg_type.oid = atttypid
where
  attrelid = $1::regclass
  and attnum > 0
  and not attisdropped
  and typtype in ('b', 'e')
  and typcategory <> 'A'
  and typelem = 0;

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
    bulkhead_ids := array(select case when starts_with(own.key, ''-'') then (substr(own.key, 2)::numeric - 10000000000000000000)::integer else own.key::integer end from unnest(bulkhead_keys) own(key));
    with change as materialized (
      select change.id, change.keys, change.before, change.after from "bulkhead"."change" change
      where change.task_id =  ''4''::int and change.model =  ''City'' and change.kind =  ''delete'' and change.fields =  ''{}''::text[]
        and change.first_key >= coalesce((select max(first_key) from "bulkhead"."chunk" where task_id =  ''4''::int and first_key <= bulkhead_keys[1]), '''')
        and change.first_key <= bulkhead_keys[bulkhead_count] and change.before is not null and change.kept_along is not null
    ), image as materialized (
      select change.id as change_id, entry.* from change cross join lateral (select change.before #> ''{}'' as before, change.after #> ''{}'' as after offset 0) kept
      cross join lateral (select case when jsonb_typeof(kept.before) = ''array'' then ''list'' when jsonb_exists(kept.before, ''*columns'') then ''columns'' else ''same'' end as before, case when jsonb_typeof(kept.before) = ''array'' then kept.before else kept.before - ''*columns'' end as before_whole, kept.before #> array[''*columns'', ''id''] as before_0, kept.before #> array[''*columns'', ''name''] as before_1, kept.before #> array[''*columns'', ''alt_name''] as before_2, kept.before #> array[''*columns'', ''country_code''] as before_3, kept.before #> array[''*columns'', ''feature_code''] as before_4, kept.before #> array[''*columns'', ''admin_code''] as before_5, kept.before #> array[''*columns'', ''population''] as before_6, kept.before #> array[''*columns'', ''latitude''] as before_7, kept.before #> array[''*columns'', ''longitude''] as before_8, kept.before #> array[''*columns'', ''status''] as before_9, kept.before #> array[''*columns'', ''featured''] as before_10, kept.before #> array[''*columns'', ''rating''] as before_11, kept.before #> array[''*columns'', ''reviewed_at''] as before_12, kept.before #> array[''*columns'', ''notes''] as before_13, kept.before #> array[''*columns'', ''created_at''] as before_14, kept.before #> array[''*columns'', ''updated_at''] as before_15, kept.before #> array[''*columns'', ''*links''] as before_16, case when jsonb_typeof(kept.after) = ''array'' then ''list'' when jsonb_exists(kept.after, ''*columns'') then ''columns'' else ''same'' end as after, case when jsonb_typeof(kept.after) = ''array'' then kept.after else kept.after - ''*columns'' end as after_whole, kept.after #> array[''*columns'', ''id''] as after_0, kept.after #> array[''*columns'', ''name''] as after_1, kept.after #> array[''*columns'', ''alt_name''] as after_2, kept.after #> array[''*columns'', ''country_code''] as after_3, kept.after #> array[''*columns'', ''feature_code''] as after_4, kept.after #> array[''*columns'', ''admin_code''] as after_5, kept.after #> array[''*columns'', ''population''] as after_6, kept.after #> array[''*columns'', ''latitude''] as after_7, kept.after #> array[''*columns'', ''longitude''] as after_8, kept.after #> array[''*columns'', ''status''] as after_9, kept.after #> array[''*columns'', ''featured''] as after_10, kept.after #> array[''*columns'', ''rating''] as after_11, kept.after #> array[''*columns'', ''reviewed_at''] as after_12, kept.after #> array[''*columns'', ''notes''] as after_13, kept.after #> array[''*columns'', ''created_at''] as after_14, kept.after #> array[''*columns'', ''updated_at''] as after_15, kept.after #> array[''*columns'', ''*links''] as after_16 offset 0) read
      cross join lateral (
        select listed.place, key, asked.id, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''id''
          when ''columns'' then read.before_0 ->> (listed.place::int - 1) else read.before_whole ->> ''id'' end)::integer as was_0, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''name''
          when ''columns'' then read.before_1 ->> (listed.place::int - 1) else read.before_whole ->> ''name'' end)::text as was_1, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''alt_name''
          when ''columns'' then read.before_2 ->> (listed.place::int - 1) else read.before_whole ->> ''alt_name'' end)::text as was_2, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''country_code''
          when ''columns'' then read.before_3 ->> (listed.place::int - 1) else read.before_whole ->> ''country_code'' end)::bpchar as was_3, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''feature_code''
          when ''columns'' then read.before_4 ->> (listed.place::int - 1) else read.before_whole ->> ''feature_code'' end)::gazetteer.feature_code as was_4, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''admin_code''
          when ''columns'' then read.before_5 ->> (listed.place::int - 1) else read.before_whole ->> ''admin_code'' end)::text as was_5, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''population''
          when ''columns'' then read.before_6 ->> (listed.place::int - 1) else read.before_whole ->> ''population'' end)::integer as was_6, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''latitude''
          when ''columns'' then read.before_7 ->> (listed.place::int - 1) else read.before_whole ->> ''latitude'' end)::numeric as was_7, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''longitude''
          when ''columns'' then read.before_8 ->> (listed.place::int - 1) else read.before_whole ->> ''longitude'' end)::numeric as was_8, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''status''
          when ''columns'' then read.before_9 ->> (listed.place::int - 1) else read.before_whole ->> ''status'' end)::gazetteer.city_status as was_9, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''featured''
          when ''columns'' then read.before_10 ->> (listed.place::int - 1) else read.before_whole ->> ''featured'' end)::boolean as was_10, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''rating''
          when ''columns'' then read.before_11 ->> (listed.place::int - 1) else read.before_whole ->> ''rating'' end)::numeric as was_11, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''reviewed_at''
          when ''columns'' then read.before_12 ->> (listed.place::int - 1) else read.before_whole ->> ''reviewed_at'' end)::timestamp with time zone as was_12, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''notes''
          when ''columns'' then read.before_13 ->> (listed.place::int - 1) else read.before_whole ->> ''notes'' end)::text as was_13, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''created_at''
          when ''columns'' then read.before_14 ->> (listed.place::int - 1) else read.before_whole ->> ''created_at'' end)::timestamp with time zone as was_14, (case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) ->> ''updated_at''
          when ''columns'' then read.before_15 ->> (listed.place::int - 1) else read.before_whole ->> ''updated_at'' end)::timestamp with time zone as was_15, case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) -> ''*links''
          when ''columns'' then read.before_16 -> (listed.place::int - 1) else read.before_whole -> ''*links'' end as links from unnest(change.keys) with ordinality as listed(key, place)
        join unnest(bulkhead_keys, bulkhead_ids) as asked(key, id) using (key) offset 0
      ) entry
    ), written as (insert into "gazetteer"."city" as t (id, name, alt_name, country_code, feature_code, admin_code, population, latitude, longitude, status, featured, rating, reviewed_at, notes, created_at, updated_at) overriding system value
        select image.was_0, image.was_1, image.was_2, image.was_3, image.was_4, image.was_5, image.was_6, image.was_7, image.was_8, image.was_9, image.was_10, image.was_11, image.was_12, image.was_13, image.was_14, image.was_15 from image
        where not exists (select from "gazetteer"."city" again where again."id" = image.id) returning 1), linked0 as (insert into "gazetteer"."_CityToTag" ("A", "B")
        select image.id, linked::integer from image
        cross join lateral jsonb_array_elements_text(coalesce(image.links -> ''tags'', ''[]'')) linked
        where jsonb_typeof(image.links) = ''object'' on conflict do nothing), taken as (
      select change_id, array_agg(place::int order by place) as places, array_agg(key order by place) as keys from image group by change_id
    ), journal as (insert into "bulkhead"."change" (model, resource, kind, task_id, chunk, principal_id, principal_name, change_reason, fields, keys, first_key, before, after) select  ''City''::text,  ''cities''::text, ''create'',  ''5''::int, bulkhead_number::int,  ''00000000-0000-4000-8000-00000000000a''::text,  ''Ada''::text,  null::text,  ''{}''::text[], taken.keys, taken.keys[1], null, case when cardinality(taken.places) = cardinality(change.keys) then change.before else (
      select case when jsonb_typeof(whole) = ''array'' then (select jsonb_agg(whole -> (at - 1) order by at) from unnest(taken.places) at) when jsonb_exists(whole,  ''*columns''::text)
        then jsonb_build_object( ''*columns''::text, (select jsonb_build_object(''id'', to_jsonb(array_agg(image.was_0 order by place)), ''name'', to_jsonb(array_agg(image.was_1 order by place)), ''alt_name'', to_jsonb(array_agg(image.was_2 order by place)), ''country_code'', to_jsonb(array_agg(image.was_3 order by place)), ''feature_code'', to_jsonb(array_agg(image.was_4 order by place)), ''admin_code'', to_jsonb(array_agg(image.was_5 order by place)), ''population'', to_jsonb(array_agg(image.was_6 order by place)), ''latitude'', to_jsonb(array_agg(image.was_7 order by place)), ''longitude'', to_jsonb(array_agg(image.was_8 order by place)), ''status'', to_jsonb(array_agg(image.was_9 order by place)), ''featured'', to_jsonb(array_agg(image.was_10 order by place)), ''rating'', to_jsonb(array_agg(image.was_11 order by place)), ''reviewed_at'', to_jsonb(array_agg(image.was_12 order by place)), ''notes'', to_jsonb(array_agg(image.was_13 order by place)), ''created_at'', to_jsonb(array_agg(image.was_14 order by place)), ''updated_at'', to_jsonb(array_agg(image.was_15 order by place))) from image where image.change_id = taken.change_id)
          || coalesce((select jsonb_object_agg(beside.key, (select jsonb_agg(beside.value -> (at - 1) order by at) from unnest(taken.places) at)) from jsonb_each((whole ->  ''*columns''::text) -  ''{"id","name","alt_name","country_code","feature_code","admin_code","population","latitude","longitude","status","featured","rating","reviewed_at","notes","created_at","updated_at"}''::text[]) beside), ''{}''))
        else whole end from (select change.before #> ''{}'' as whole offset 0) kept) end from taken join change on change.id = taken.change_id), counted as (
      select (select count(*)::int from image) as imaged, (select count(*)::int from written) as changed
    )
    select changed, 0 as unchanged, 0 as gone, imaged <> bulkhead_count or changed <> bulkhead_count as is_left from counted into bulkhead_changed, bulkhead_unchanged, bulkhead_gone, bulkhead_left;
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
