-- readKeysAndHeirs
select
  (
    select
      coalesce(json_agg(item), '[]')
    from
      (
        select
          con.conrelid::oid::text as source,
          con.confrelid::oid::text as target,
          source_schema.nspname as schema,
          source.relname as table,
          (
            select
              array_agg(
                a.attname::text
                order by
                  k.place
              )
            from
              unnest(con.conkey) with ordinality k (number, place)
              join pg_attribute a on a.attrelid = con.conrelid
              and a.attnum = k.number
          ) as columns,
          target_schema.nspname as "targetSchema",
          target.relname as "targetTable",
          (
            select
              array_agg(
                a.attname::text
                order by
                  k.place
              )
            from
              unnest(con.confkey) with ordinality k (number, place)
              join pg_attribute a on a.attrelid = con.confrelid
              and a.attnum = k.number
          ) as "targetColumns",
          source.relkind = 'p' as "isSourcePartitioned",
          target.relkind = 'p' as "isTargetPartitioned",
          con.confdeltype::text as rule,
          con.confupdtype in ('c', 'n', 'd') as "followsUpdates",
          exists (
            select
              1
            from
              pg_attribute a
            where
              a.attrelid = con.conrelid
              and a.attnotnull
              and a.attnum = any (con.conkey)
          ) as "isRequired",
          exists (
            select
              1
            from
              pg_index i
            where
              i.indrelid = con.conrelid
              and i.indisvalid
              and i.indpred is null
              and i.indkey[0] = any (con.conkey)
          ) as "isIndexed"
        from
          pg_constraint con
          join pg_class source on source.oid = con.conrelid
          join pg_namespace source_schema on source_schema.oid = source.relnamespace
          join pg_class target on target.oid = con.confrelid
          join pg_namespace target_schema on target_schema.oid = target.relnamespace
        where
          con.contype = 'f'
          and con.conparentid = 0
        order by
          source_schema.nspname,
          source.relname,
          con.conname
      ) item
  ) as keys,
  (
    select
      coalesce(json_agg(item), '[]')
    from
      (
        select
          nspname::text as schema,
          parent.relname::text as table,
          min(heir.relname::text) as heir
        from
          pg_inherits
          join pg_class parent on parent.oid = inhparent
          and parent.relkind = 'r'
          join pg_namespace on pg_namespace.oid = parent.relnamespace
          join pg_class heir on heir.oid = inhrelid
        group by
          1,
          2
      ) item
  ) as heirs;

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
       select number, keys from "bulkhead"."chunk" where task_id =  ''6''::int and state = ''active'' order by first_key asc limit 1 for update skip locked
     ), cut as (
       select number, keys from next where cardinality(keys) >  ''100''::int * 1.25
     ), first as (
       update "bulkhead"."chunk" chunk set keys = cut.keys[1: ''100''::int], last_key = cut.keys[ ''100''::int] from cut where chunk.task_id =  ''6''::int and chunk.number = cut.number
     ), rest as (
       insert into "bulkhead"."chunk" (task_id, number, state, keys, first_key, last_key)
       select  ''6''::int, number +  ''100''::int, ''active'', keys[ ''100''::int + 1:], keys[ ''100''::int + 1], keys[cardinality(keys)] from cut
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
    with image as materialized (
      select entry.key, entry.before, entry.after, change.chunk, change.kept_along
      from "bulkhead"."change" change cross join lateral (select change.before #> ''{}'' as before, change.after #> ''{}'' as after offset 0) kept
      cross join lateral (select case when jsonb_typeof(kept.before) = ''array'' then ''list'' when jsonb_exists(kept.before, ''*columns'') then ''columns'' else ''same'' end as before, case when jsonb_typeof(kept.before) = ''array'' then kept.before else kept.before - ''*columns'' end as before_whole, kept.before -> ''*columns'' as before_columns, case when jsonb_typeof(kept.after) = ''array'' then ''list'' when jsonb_exists(kept.after, ''*columns'') then ''columns'' else ''same'' end as after, case when jsonb_typeof(kept.after) = ''array'' then kept.after else kept.after - ''*columns'' end as after_whole, kept.after -> ''*columns'' as after_columns offset 0) read
      cross join lateral (
        select key, case read.before when ''list'' then read.before_whole -> (listed.place::int - 1) when ''columns'' then before_images.image else read.before_whole end as before, case read.after when ''list'' then read.after_whole -> (listed.place::int - 1) when ''columns'' then after_images.image else read.after_whole end as after from unnest(change.keys) with ordinality as listed(key, place) left join (select place, jsonb_object_agg(of_field.key, one.value) as image from jsonb_each(read.before_columns) of_field
            cross join jsonb_array_elements(of_field.value) with ordinality as one(value, place) group by place) before_images using (place) left join (select place, jsonb_object_agg(of_field.key, one.value) as image from jsonb_each(read.after_columns) of_field
            cross join jsonb_array_elements(of_field.value) with ordinality as one(value, place) group by place) after_images using (place) where key in (select unnest(bulkhead_keys)) offset 0
      ) entry
      where change.task_id =  ''5''::int and change.model =  ''City'' and change.kind =  ''create'' and change.fields =  ''{}''::text[]
        and change.first_key >= coalesce((select max(first_key) from "bulkhead"."chunk" where task_id =  ''5''::int and first_key <= bulkhead_keys[1]), '''')
        and change.first_key <= bulkhead_keys[bulkhead_count]
    ), locked as materialized (
      select t."id", (case when t."id" >= 0 then lpad(t."id"::text, 20, ''0'') else ''-'' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, ''0'') end) collate "C" as "_key", to_jsonb(t.*) as "_row", array(select j."B"::text collate "C" from "gazetteer"."_CityToTag" j where j."A" = t."id" order by 1) as "_ids_tags" from "gazetteer"."city" t where t."id" = any(bulkhead_ids)
      order by (case when t."id" >= 0 then lpad(t."id"::text, 20, ''0'') else ''-'' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, ''0'') end) for update of t
    ), judged as materialized (
      select locked.*, image.before as "_before", image.after as "_after", compared."_field",
        case when image.after is null then ''purged''
          when compared."_field" is null then ''restore'' when (locked."_row")::text collate "C" is not distinct from (null)::text collate "C" and (to_jsonb(locked."_ids_tags"))::text collate "C" is not distinct from (null)::text collate "C" then ''unchanged'' else ''edited-since'' end as "_state"
      from locked join image on image.key = locked."_key"
      cross join lateral (select case when (locked."_row")::text collate "C" is distinct from (image.after - ''*links'')::text collate "C" then ''*'' when (to_jsonb(locked."_ids_tags"))::text collate "C" is distinct from (coalesce(image.after -> ''*links'' -> ''tags'', ''[]''))::text collate "C" then ''tags'' end as "_field") compared
    ), removed as (
      delete from "gazetteer"."city" t using judged where judged."_state" = ''restore'' and t."id" = judged."id" returning judged."_key" as key
    ), unlocked as materialized (select key from image where key not in (select "_key" from judged)), kept_back (key) as (select key from unlocked where key in (select (case when t."id" >= 0 then lpad(t."id"::text, 20, ''0'') else ''-'' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, ''0'') end) collate "C" from "gazetteer"."city" t where t."id" = any(bulkhead_ids) and (case when t."id" >= 0 then lpad(t."id"::text, 20, ''0'') else ''-'' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, ''0'') end) collate "C" = any(array(select key from unlocked))) union select "_key" from judged where "_state" = ''restore'' and "_key" not in (select key from removed)), journal as (insert into "bulkhead"."change" (model, resource, kind, task_id, chunk, principal_id, principal_name, change_reason, fields, keys, first_key, before, after) select  ''City''::text,  ''cities''::text, ''delete'',  ''6''::int, bulkhead_number::int,  ''00000000-0000-4000-8000-00000000000a''::text,  ''Ada''::text,  null::text,  ''{}''::text[], array_agg("_key" order by "_key"), min("_key"), jsonb_agg("_after" order by "_key"), null from judged  where "_state" = ''restore'' having count(*) > 0), counted as (
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
       kept_back = 0, finished_at = clock_timestamp(), duration_ms = extract(epoch from clock_timestamp() - bulkhead_at)::float8 * 1000 where task_id =  ''6''::int and number = bulkhead_number
   ), sums as (
     select id, chunk_count + bulkhead_added - chunks_done - 1 as left_over,
       done + bulkhead_changed + bulkhead_unchanged + 0 + bulkhead_gone + 0 + 0 as done, changed + bulkhead_changed as changed,
       unchanged + bulkhead_unchanged as unchanged, failed + 0 as failed, gone + bulkhead_gone as gone, conflicted + 0 as conflicted,
       kept_back + 0 as kept_back, failed + kept_back + 0 + 0 as refused
     from "bulkhead"."task" where id =  ''6''::int and state = ''running'' and exists (select 1 from "bulkhead"."task_slot" where task_id =  ''6''::int and slot =  ''0''::int and token =  ''(an id that was drawn)''::uuid)
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
     select  ''6''::int, clock_timestamp(), ''running'', state, reason from counted where state <> ''running''
   ), released as (
     delete from "bulkhead"."lock_set" where task_id =  ''6''::int and exists (select from counted where state <> ''running'')
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
