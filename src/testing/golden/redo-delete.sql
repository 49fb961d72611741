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

-- takeBack
with
  image as materialized (
    select
      entry.key,
      entry.before,
      case
        when jsonb_typeof(change.after) = 'array' then entry.after
        else change.after
      end as after,
      change.chunk,
      change.kept_along
    from
      "bulkhead"."change" change
      cross join lateral rows
    from
      (
        unnest(change.keys),
        jsonb_array_elements(change.before),
        jsonb_array_elements(
          case
            when jsonb_typeof(change.after) = 'array' then change.after
            else '[]'
          end
        )
      ) as entry (key, before, after)
    where
      change.task_id = $1::int
      and change.model = $2
      and change.kind = $3
      and change.fields = $4::text[]
      and change.first_key >= coalesce(
        (
          select
            max(first_key)
          from
            "bulkhead"."chunk"
          where
            task_id = $1::int
            and first_key <= $5
        ),
        ''
      )
      and change.first_key <= $6
      and entry.key = any ($7::text[])
  ),
  locked as materialized (
    select
      t.*,
      (
        case
          when t."id" >= 0 then lpad(t."id"::text, 20, '0')
          else '-' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, '0')
        end
      ) collate "C" as "_key",
      to_jsonb(t.*) as "_row",
      array(
        select
          j."B"::text collate "C"
        from
          "gazetteer"."_CityToTag" j
        where
          j."A" = t."id"
        order by
          1
      ) as "_ids_tags"
    from
      "gazetteer"."city" t
    where
      t."id" = any ($8::integer[])
    order by
      (
        case
          when t."id" >= 0 then lpad(t."id"::text, 20, '0')
          else '-' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, '0')
        end
      )
    for update of
      t
  ),
  judged as materialized (
    select
      locked.*,
      image.before as "_before",
      image.after as "_after",
      compared."_field",
      case
        when image.after is null then 'purged'
        when compared."_field" is null then 'restore'
        when (locked."_row")::text collate "C" is not distinct from (null)::text collate "C"
        and (to_jsonb(locked."_ids_tags"))::text collate "C" is not distinct from (null)::text collate "C" then 'unchanged'
        else 'edited-since'
      end as "_state"
    from
      locked
      join image on image.key = locked."_key"
      cross join lateral (
        select
          case
            when (locked."_row")::text collate "C" is distinct from (image.after - '*links')::text collate "C" then '*'
            when (to_jsonb(locked."_ids_tags"))::text collate "C" is distinct from (coalesce(image.after -> '*links' -> 'tags', '[]'))::text collate "C" then 'tags'
          end as "_field"
      ) compared
  ),
  removed as (
    delete from "gazetteer"."city" t using judged
    where
      judged."_state" = 'restore'
      and t."id" = judged."id"
    returning
      judged."_key" as key
  ),
  unlocked as materialized (
    select
      key
    from
      image
    where
      key not in (
        select
          "_key"
        from
          judged
      )
  ),
  kept_back (key) as (
    select
      key
    from
      unlocked
    where
      key in (
        select
          (
            case
              when t."id" >= 0 then lpad(t."id"::text, 20, '0')
              else '-' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, '0')
            end
          ) collate "C"
        from
          "gazetteer"."city" t
        where
          t."id" = any ($8::integer[])
          and (
            case
              when t."id" >= 0 then lpad(t."id"::text, 20, '0')
              else '-' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, '0')
            end
          ) collate "C" = any (
            array(
              select
                key
              from
                unlocked
            )
          )
      )
    union
    select
      "_key"
    from
      judged
    where
      "_state" = 'restore'
      and "_key" not in (
        select
          key
        from
          removed
      )
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
      $9::text,
      $10::text,
      'delete',
      $11::int,
      $12::int,
      $13::text,
      $14::text,
      $15::text,
      $16::text[],
      array_agg(
        "_key"
        order by
          "_key"
      ),
      min("_key"),
      jsonb_agg(
        "_after"
        order by
          "_key"
      ),
      null
    from
      judged
    where
      "_state" = 'restore'
    having
      count(*) > 0
  )
select
  (
    select
      count(*)::int
    from
      judged
    where
      "_state" = 'restore'
  ) as changed,
  (
    select
      count(*)::int
    from
      judged
    where
      "_state" = 'unchanged'
  ) as unchanged,
  (
    select
      count(*)::int
    from
      unlocked
    where
      key not in (
        select
          key
        from
          kept_back
      )
  ) as gone,
  (
    select
      coalesce(
        jsonb_agg(
          jsonb_build_object(
            'code',
            "_state" || coalesce(':' || "_field", ''),
            'field',
            "_field",
            'message',
            $17::jsonb ->> ("_state" || coalesce(':' || "_field", '')),
            'keys',
            keys
          )
        ),
        '[]'
      )
    from
      (
        select
          "_state",
          "_field",
          jsonb_agg(
            "_key"
            order by
              "_key"
          ) as keys
        from
          judged
        where
          "_state" not in ('restore', 'unchanged')
        group by
          "_state",
          "_field"
      ) refused
  ) || (
    select
      case
        when count(*) = 0 then '[]'
        else jsonb_build_array(
          jsonb_build_object(
            'code',
            $18::text,
            'message',
            $19::text,
            'keys',
            jsonb_agg(
              key
              order by
                key
            )
          )
        )
      end
    from
      kept_back
  ) as refusals;
