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
        when image.before is null then 'purged'
        when compared."_field" is null then 'restore'
        when (coalesce(to_jsonb(locked."status"), 'null'))::text collate "C" is not distinct from (image.before -> 'status')::text collate "C"
        and (coalesce(to_jsonb(locked."notes"), 'null'))::text collate "C" is not distinct from (image.before -> 'notes')::text collate "C"
        and (to_jsonb(locked."_ids_tags"))::text collate "C" is not distinct from (image.before -> 'tags')::text collate "C" then 'unchanged'
        else 'edited-since'
      end as "_state"
    from
      locked
      join image on image.key = locked."_key"
      cross join lateral (
        select
          case
            when (coalesce(to_jsonb(locked."status"), 'null'))::text collate "C" is distinct from (image.after -> 'status')::text collate "C" then 'status'
            when (coalesce(to_jsonb(locked."notes"), 'null'))::text collate "C" is distinct from (image.after -> 'notes')::text collate "C" then 'notes'
            when (to_jsonb(locked."_ids_tags"))::text collate "C" is distinct from (image.after -> 'tags')::text collate "C" then 'tags'
          end as "_field"
      ) compared
  ),
  written as (
    update "gazetteer"."city" t
    set
      "status" = was."status",
      "notes" = was."notes",
      "updated_at" = case
        when coalesce(to_jsonb(judged."updated_at"), 'null') is not distinct from judged."_after" -> 'updatedAt' then was."updated_at"
        else now()::timestamptz
      end
    from
      judged
      cross join lateral jsonb_populate_record(
        null::"gazetteer"."city",
        jsonb_build_object(
          'status',
          judged."_before" -> 'status',
          'notes',
          judged."_before" -> 'notes',
          'updated_at',
          judged."_before" -> 'updatedAt'
        )
      ) was
    where
      judged."_state" = 'restore'
      and t."id" = judged."id"
    returning
      judged."_key" as "_written"
  ),
  dropped0 as (
    delete from "gazetteer"."_CityToTag" j using judged
    where
      judged."_state" = 'restore'
      and j."A" = judged."id"
      and j."B"::text <> all (
        array(
          select
            jsonb_array_elements_text(judged."_before" -> 'tags')
        )
      )
  ),
  added0 as (
    insert into
      "gazetteer"."_CityToTag" ("A", "B")
    select
      judged."id",
      linked::integer
    from
      judged
      cross join unnest(
        array(
          select
            jsonb_array_elements_text(judged."_before" -> 'tags')
        )
      ) linked
    where
      judged."_state" = 'restore'
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
          "_written"
        from
          written
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
      'update',
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
        jsonb_build_object(
          'status',
          judged."status",
          'notes',
          judged."notes",
          'updatedAt',
          judged."updated_at",
          'tags',
          "_ids_tags"
        )
        order by
          "_key"
      ),
      jsonb_agg(
        jsonb_build_object(
          'status',
          "_before" -> 'status',
          'notes',
          "_before" -> 'notes',
          'updatedAt',
          case
            when coalesce(to_jsonb(judged."updated_at"), 'null') is not distinct from "_after" -> 'updatedAt' then "_before" -> 'updatedAt'
            else to_jsonb(now()::timestamptz)
          end,
          'tags',
          "_before" -> 'tags'
        )
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
