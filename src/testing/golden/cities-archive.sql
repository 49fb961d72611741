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
      (
        case
          when new."id" >= 0 then lpad(new."id"::text, 20, '0')
          else '-' || lpad((10000000000000000000 + new."id"::numeric)::text, 19, '0')
        end
      ) collate "C" as key,
      jsonb_build_object('status', old."status", 'updatedAt', old."updated_at") as before
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
      $3::text,
      $4::text,
      'update',
      $5::int,
      $6::int,
      $7::text,
      $8::text,
      $9::text,
      $10::text[],
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
    when changed + same = $11::int then same
    else 0
  end as unchanged,
  case
    when changed + same <> $11::int then coalesce(keys, '{}')
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
        when changed = $11::int then 0
        else (
          select
            0
        )
      end as same
  ) seen;
