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

-- deleteSet
with
  deleted as (
    delete from "gazetteer"."city" t
    where
      t."id" = any ($1::integer[])
    returning
      (
        case
          when t."id" >= 0 then lpad(t."id"::text, 20, '0')
          else '-' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, '0')
        end
      ) collate "C" as key,
      case
        when exists (
          select
          from
            "gazetteer"."_CityToTag" j
          where
            j."A" = t."id"
        ) then to_jsonb(t.*) || jsonb_build_object(
          '*links',
          jsonb_build_object(
            'tags',
            to_jsonb(
              array(
                select
                  j."B"::text collate "C"
                from
                  "gazetteer"."_CityToTag" j
                where
                  j."A" = t."id"
                order by
                  1
              )
            )
          )
        )
        else to_jsonb(t.*)
      end as before
  ),
  images as (
    select
      array_agg(
        key
        order by
          key
      ) as keys,
      jsonb_agg(
        before
        order by
          key
      ) as before
    from
      deleted
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
      $2::text,
      $3::text,
      'delete',
      $4::int,
      $5::int,
      $6::text,
      $7::text,
      $8::text,
      '{}',
      keys,
      keys[1],
      before,
      null
    from
      images
    where
      cardinality(keys) > 0
  )
select
  coalesce(cardinality(keys), 0)::int as changed,
  case
    when not coalesce(cardinality(keys), 0) = $9::int then coalesce(keys, '{}')
  end as written
from
  images;
