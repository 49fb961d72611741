-- hasTriggers
select
  1
from
  pg_trigger
where
  tgrelid in (
    with recursive
      part (id) as (
        select
          unnest($1::text[])::regclass::oid
        union
        select
          inhrelid
        from
          part
          join pg_inherits on inhparent = id
      )
    select
      id
    from
      part
  )
  and not tgisinternal
  and tgenabled in ('O', 'A')
limit
  1;

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
  there as (
    select
      (
        case
          when t."id" >= 0 then lpad(t."id"::text, 20, '0')
          else '-' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, '0')
        end
      ) collate "C" as key
    from
      "gazetteer"."city" t
    where
      t."id" = any ($8::integer[])
  ),
  judged as materialized (
    select
      key as "_key",
      before as "_before",
      null::jsonb as "_after",
      null::text as "_field",
      case
        when before is null then 'purged'
        when kept_along is null then 'not-kept'
        when key in (
          select
            key
          from
            there
        ) then 'exists'
        else 'restore'
      end as "_state"
    from
      image
  ),
  created as (
    insert into
      "gazetteer"."city" as t (
        id,
        name,
        alt_name,
        country_code,
        feature_code,
        admin_code,
        population,
        latitude,
        longitude,
        status,
        featured,
        rating,
        reviewed_at,
        notes,
        created_at,
        updated_at
      )
    overriding system value
    select
      was.id,
      was.name,
      was.alt_name,
      was.country_code,
      was.feature_code,
      was.admin_code,
      was.population,
      was.latitude,
      was.longitude,
      was.status,
      was.featured,
      was.rating,
      was.reviewed_at,
      was.notes,
      was.created_at,
      was.updated_at
    from
      judged
      cross join lateral jsonb_populate_record(null::"gazetteer"."city", judged."_before") was
    where
      judged."_state" = 'restore'
    returning
      (
        case
          when t."id" >= 0 then lpad(t."id"::text, 20, '0')
          else '-' || lpad((10000000000000000000 + t."id"::numeric)::text, 19, '0')
        end
      ) collate "C" as key
  ),
  linked_0 as (
    insert into
      "gazetteer"."_CityToTag" ("A", "B")
    select
      (judged."_before" ->> 'id')::integer,
      linked::integer
    from
      judged
      cross join lateral jsonb_array_elements_text(coalesce(judged."_before" -> '*links' -> 'tags', '[]')) linked
    where
      judged."_key" in (
        select
          key
        from
          created
      )
    on conflict do nothing
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
      "_key"
    from
      judged
    where
      "_state" = 'restore'
      and "_key" not in (
        select
          key
        from
          created
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
      'create',
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
      null,
      jsonb_agg(
        "_before"
        order by
          "_key"
      )
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
