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

-- writeSet
with
  locked as materialized (
    select
      t.*
    from
      "gazetteer"."city" t
    where
      t."id" = any ($1::integer[])
    order by
      (
        case
          when t."id" >= 0 then lpad(t."id"::text, 20, '0')
          else '-' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, '0')
        end
      )
    for update
  ),
  changed as materialized (
    select
      candidate.*,
      (
        case
          when candidate."id" >= 0 then lpad(candidate."id"::text, 20, '0')
          else '-' || lpad((10000000000000000000 + candidate."id"::numeric)::text, 19, '0')
        end
      ) collate "C" as "_key"
    from
      (
        select
          t.*,
          array(
            select distinct
              v collate "C"
            from
              unnest(
                (
                  t."_before0" || array(
                    select
                      v
                    from
                      unnest(($2)::text[]) with ordinality as operand (v, n)
                    where
                      v <> all (coalesce(t."_before0", '{}'))
                    order by
                      n
                  )
                )::text[]
              ) v
            order by
              1
          ) as "_after0"
        from
          (
            select
              t.*,
              array(
                select
                  j."B"::text collate "C"
                from
                  "gazetteer"."_CityToTag" j
                where
                  j."A" = t."id"
                order by
                  1
              ) as "_before0"
            from
              locked t
          ) t
      ) candidate
    where
      candidate."status" is distinct from (($3)::"gazetteer"."city_status")
      or (candidate."notes")::text collate "C" is distinct from ((candidate."notes" || $4::text)::text)::text collate "C"
      or candidate."_before0" is distinct from candidate."_after0"
  ),
  written as (
    update "gazetteer"."city" t
    set
      "status" = ($3)::"gazetteer"."city_status",
      "notes" = (t."notes" || $4::text)::text,
      "updated_at" = now()::timestamptz
    from
      changed
    where
      t."id" = changed."id"
    returning
      changed."_key" as "_written"
  ),
  linked as materialized (
    select
      changed.*
    from
      changed
      join written on "_written" = "_key"
  ),
  dropped0 as (
    delete from "gazetteer"."_CityToTag" j using linked r
    where
      j."A" = r."id"
      and j."B"::text <> all (r."_after0")
  ),
  added0 as (
    insert into
      "gazetteer"."_CityToTag" ("A", "B")
    select
      r."id",
      v::integer
    from
      linked r
      cross join unnest(r."_after0") v
    on conflict do nothing
  ),
  images as (
    select
      array_agg(
        "_key"
        order by
          "_key"
      ) as keys,
      jsonb_agg(
        jsonb_build_object(
          'status',
          changed."status",
          'notes',
          changed."notes",
          'updatedAt',
          changed."updated_at",
          'tags',
          to_jsonb(changed."_before0")
        )
        order by
          "_key"
      ) as before,
      jsonb_agg(
        jsonb_build_object(
          'status',
          (($3)::"gazetteer"."city_status")::"gazetteer"."city_status",
          'notes',
          ((changed."notes" || $4::text)::text)::text,
          'updatedAt',
          (now()::timestamptz)::timestamptz,
          'tags',
          to_jsonb(changed."_after0")
        )
        order by
          "_key"
      ) as after,
      null::text[] as put_back
    from
      changed
      join written on "_written" = "_key"
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
      $5::text,
      $6::text,
      'update',
      $7::int,
      $8::int,
      $9::text,
      $10::text,
      $11::text,
      $12::text[],
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
    when changed + same = $13::int then same
    else 0
  end as unchanged,
  case
    when changed + same <> $13::int then coalesce(keys, '{}')
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
        when changed = $13::int then 0
        else (
          select
            (
              select
                count(*)
              from
                locked
            )::int - (
              select
                count(*)
              from
                changed
            )::int
        )
      end as same
  ) seen;
