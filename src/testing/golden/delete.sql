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

-- leadsToItself
select
  exists (
    select
    from
      pg_constraint
    where
      contype = 'f'
      and conrelid = to_regclass($1)
      and confrelid = conrelid
      and confdeltype in ('a', 'r')
  ) as leads;

-- listColumns
select
  attname::text as name
from
  pg_attribute
where
  attrelid = '"gazetteer"."city"'::regclass
  and attnum > 0
  and not attisdropped
order by
  attnum;

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
       select number, keys from "bulkhead"."chunk" where task_id =  ''4''::int and state = ''active'' order by first_key asc limit 1 for update skip locked
     ), cut as (
       select number, keys from next where cardinality(keys) >  ''100''::int * 1.25
     ), first as (
       update "bulkhead"."chunk" chunk set keys = cut.keys[1: ''100''::int], last_key = cut.keys[ ''100''::int] from cut where chunk.task_id =  ''4''::int and chunk.number = cut.number
     ), rest as (
       insert into "bulkhead"."chunk" (task_id, number, state, keys, first_key, last_key)
       select  ''4''::int, number +  ''100''::int, ''active'', keys[ ''100''::int + 1:], keys[ ''100''::int + 1], keys[cardinality(keys)] from cut
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
    with deleted as (
        delete from "gazetteer"."city" t where t."id" = any(bulkhead_ids) returning t."id" as id, t."id" as v0, t."name" as v1, t."alt_name" as v2, t."country_code" as v3, t."feature_code" as v4, t."admin_code" as v5, t."population" as v6, t."latitude" as v7, t."longitude" as v8, t."status" as v9, t."featured" as v10, t."rating" as v11, t."reviewed_at" as v12, t."notes" as v13, t."created_at" as v14, t."updated_at" as v15, case when (select exists (select from "gazetteer"."_CityToTag" j where j."A" = any(bulkhead_ids))) then case when exists (select from "gazetteer"."_CityToTag" j where j."A" = t."id") then jsonb_build_object(''tags'', to_jsonb(array(select j."B"::text collate "C" from "gazetteer"."_CityToTag" j where j."A" = t."id" order by 1))) end end as v16
      ), gathered as (
        select array_agg(id order by id) as listed, jsonb_build_object(''*columns'', jsonb_build_object(''id'', to_jsonb(array_agg(v0 order by id)), ''name'', to_jsonb(array_agg(v1 order by id)), ''alt_name'', to_jsonb(array_agg(v2 order by id)), ''country_code'', to_jsonb(array_agg(v3 order by id)), ''feature_code'', to_jsonb(array_agg(v4 order by id)), ''admin_code'', to_jsonb(array_agg(v5 order by id)), ''population'', to_jsonb(array_agg(v6 order by id)), ''latitude'', to_jsonb(array_agg(v7 order by id)), ''longitude'', to_jsonb(array_agg(v8 order by id)), ''status'', to_jsonb(array_agg(v9 order by id)), ''featured'', to_jsonb(array_agg(v10 order by id)), ''rating'', to_jsonb(array_agg(v11 order by id)), ''reviewed_at'', to_jsonb(array_agg(v12 order by id)), ''notes'', to_jsonb(array_agg(v13 order by id)), ''created_at'', to_jsonb(array_agg(v14 order by id)), ''updated_at'', to_jsonb(array_agg(v15 order by id)), ''*links'', to_jsonb(array_agg(v16 order by id)))) as before from deleted
      ), images as (
        select case when listed::integer[] = bulkhead_ids then bulkhead_keys else array(select (case when own.id >= 0 then lpad(own.id::text, 20, ''0'') else ''-'' || lpad((10000000000000000000 + own.id::numeric)::text, 19, ''0'') end) from unnest(listed) own(id)) end as keys, before from gathered
      ), journal as (insert into "bulkhead"."change" (model, resource, kind, task_id, chunk, principal_id, principal_name, change_reason, fields, keys, first_key, before, after) select  ''City''::text,  ''cities''::text, ''delete'',  ''4''::int, bulkhead_number::int,  ''00000000-0000-4000-8000-00000000000a''::text,  ''Ada''::text,  null::text, ''{}'', keys, keys[1], before, null from images where cardinality(keys) > 0), counted as (
        select keys, coalesce(cardinality(keys), 0)::int as changed, coalesce(cardinality(keys), 0) = bulkhead_count as is_all from images
      )
    select changed, 0 as unchanged, 0 as gone, not is_all or (select count(*) from pg_attribute where attrelid = ''"gazetteer"."city"''::regclass and attnum > 0 and not attisdropped) <> 16 as is_left from counted into bulkhead_changed, bulkhead_unchanged, bulkhead_gone, bulkhead_left;
    if bulkhead_left then
      rollback;
      bulkhead_end := ''left'';
      exit;
    end if;
    set constraints all immediate;
    with marked as (
     update "bulkhead"."chunk" set state = ''done'', changed = bulkhead_changed, unchanged = bulkhead_unchanged, failed = 0, gone = bulkhead_gone, conflicted = 0,
       kept_back = 0, finished_at = clock_timestamp(), duration_ms = extract(epoch from clock_timestamp() - bulkhead_at)::float8 * 1000 where task_id =  ''4''::int and number = bulkhead_number
   ), sums as (
     select id, chunk_count + bulkhead_added - chunks_done - 1 as left_over,
       done + bulkhead_changed + bulkhead_unchanged + 0 + bulkhead_gone + 0 + 0 as done, changed + bulkhead_changed as changed,
       unchanged + bulkhead_unchanged as unchanged, failed + 0 as failed, gone + bulkhead_gone as gone, conflicted + 0 as conflicted,
       kept_back + 0 as kept_back, failed + kept_back + 0 + 0 as refused
     from "bulkhead"."task" where id =  ''4''::int and state = ''running'' and exists (select 1 from "bulkhead"."task_slot" where task_id =  ''4''::int and slot =  ''0''::int and token =  ''(an id that was drawn)''::uuid)
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
     select  ''4''::int, clock_timestamp(), ''running'', state, reason from counted where state <> ''running''
   ), released as (
     delete from "bulkhead"."lock_set" where task_id =  ''4''::int and exists (select from counted where state <> ''running'')
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
