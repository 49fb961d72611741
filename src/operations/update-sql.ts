import type { FieldMeta, ModelMeta, RelationMeta } from '../metadata/contract.ts';
import type { Resource } from '../resources/contract.ts';
import type { ApplyTarget, Statement } from './contract.ts';
import { keyCondition, keySql } from './key-sql.ts';
import type { FieldChange } from './update.ts';

interface Written {
  field: FieldMeta;
  /** SQL of the new value. */
  value: string;
}

/**
 * One statement that changes the rows of `keys`, leaves alone those that hold the values already, and writes the
 * change row. It returns how many were changed.
 */
export function updateStatement(target: ApplyTarget, keys: readonly string[], changes: readonly FieldChange[]): Statement {
  const { model } = target.resource;
  const condition = keyCondition(model, 't', keys, 1);
  const values = [...condition.values];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const scalars: Written[] = [];
  const relations: { field: FieldMeta; change: FieldChange }[] = [];
  for (const change of changes) {
    const field = fieldOf(model, change.field);
    if (field.relation?.kind === 'many-to-many') relations.push({ field, change });
    else
      scalars.push({ field, value: change.change === 'clear' ? `null::${field.sqlType}` : `${parameter(change.value)}::${field.sqlType}` });
  }
  const stamps: Written[] = Object.values(model.fields)
    .filter((field) => field.isUpdatedAt && field.column && !changes.some((change) => change.field === field.name))
    .map((field) => ({ field, value: `now()::${field.sqlType}` }));
  const written = [...scalars, ...stamps];
  const body =
    relations.length === 0 && target.serverVersion >= 18
      ? returningOld(model, condition.sql, scalars, written)
      : lockedFirst(target.resource, condition.sql, scalars, written, relations, parameter);
  const { author, t, resource } = target;
  const change = `insert into ${t.change} (model, resource, kind, task_id, chunk, principal_id, principal_name, fields, keys, first_key, before, after, change_reason)
    select ${parameter(model.name)}, ${parameter(resource.slug)}, 'update', ${parameter(author.taskId)}, ${parameter(author.chunk)}, ${parameter(author.principalId)},
      ${parameter(author.principalName)}, ${parameter([...written, ...relations].map(({ field }) => field.name))}::text[], keys, keys[1], before, after, ${parameter(author.changeReason)}
    from images where cardinality(keys) > 0`;
  return {
    sql: `with ${body}, kept as (${change}) select coalesce(cardinality(keys), 0)::int as changed from images`,
    values,
  };
}

function fieldOf(model: ModelMeta, name: string): FieldMeta {
  const field = model.fields[name];
  if (!field) throw new Error(`${model.name} has no field ${name}`);
  return field;
}

function imageOf(written: readonly Written[], sqlOf: (item: Written) => string): string {
  return `jsonb_build_object(${written.map((item) => `'${item.field.name}', ${sqlOf(item)}`).join(', ')})`;
}

function assignments(written: readonly Written[]): string {
  return written.map(({ field, value }) => `${field.column} = ${value}`).join(', ');
}

// json has no equality; as text it has.
function differs(alias: string, { field, value }: Written): string {
  const cast = field.sqlType === 'json' ? '::text' : '';
  return `${alias}.${field.column}${cast} is distinct from (${value})${cast}`;
}

function returningOld(model: ModelMeta, condition: string, scalars: Written[], written: Written[]): string {
  return `written as (
      update ${model.table} t set ${assignments(written)}
      where ${condition} and (${scalars.map((item) => differs('t', item)).join(' or ')})
      returning ${keySql(model, 'new')} collate "C" as key, ${imageOf(written, ({ field }) => `old.${field.column}`)} as before
    ), images as (
      select array_agg(key order by key) as keys, jsonb_agg(before order by key) as before,
        ${imageOf(written, ({ value }) => value)} as after
      from written
    )`;
}

// Before-images are read and locked first: for many-to-many fields, and on servers that cannot return old values.
function lockedFirst(
  resource: Resource,
  condition: string,
  scalars: Written[],
  written: Written[],
  relations: { field: FieldMeta; change: FieldChange }[],
  parameter: (value: unknown) => string,
): string {
  const { model } = resource;
  const columnOf = (name: string) => fieldOf(model, name).column as string;
  const idColumn = columnOf(model.idFields[0] as string);
  const sides = relations.map(({ field, change }, index) => sideOf(resource, field, change, index, idColumn, parameter));
  const isChanged = [
    ...scalars.map((item) => differs('candidate', item)),
    ...sides.map((side) => `${side.before} is distinct from ${side.after}`),
  ].join(' or ');
  const values = sides.map((side) => `, ${side.current} as ${side.before}, ${side.next} as ${side.after}`).join('');
  const images = (scalarValue: (item: Written) => string, sideValue: (side: Side) => string) =>
    `jsonb_build_object(${[
      ...written.map((item) => `'${item.field.name}', ${scalarValue(item)}`),
      ...sides.map((side) => `'${side.field.name}', to_jsonb(${sideValue(side)})`),
    ].join(', ')})`;
  const parts = [
    `locked as materialized (select t.* from ${model.table} t where ${condition} order by ${keySql(model, 't')} for update)`,
    `changed as materialized (
      select * from (select t.*, ${keySql(model, 't')} collate "C" as "_key"${values} from locked t) candidate where ${isChanged}
    )`,
  ];
  if (written.length > 0) {
    const isSame = model.idFields.map((name) => `t.${columnOf(name)} = changed.${columnOf(name)}`).join(' and ');
    parts.push(`written as (update ${model.table} t set ${assignments(written)} from changed where ${isSame})`);
  }
  for (const side of sides) parts.push(...side.writes);
  parts.push(`images as (
      select array_agg("_key" order by "_key") as keys,
        jsonb_agg(${images(
          ({ field }) => `changed.${field.column}`,
          (side) => `changed.${side.before}`,
        )} order by "_key") as before,
        jsonb_agg(${images(
          ({ value }) => value,
          (side) => `changed.${side.after}`,
        )} order by "_key") as after
      from changed
    )`);
  return parts.join(', ');
}

interface Side {
  field: FieldMeta;
  /** Names of the columns that hold the related ids before and after, as text. */
  before: string;
  after: string;
  current: string;
  next: string;
  writes: string[];
}

function sideOf(
  resource: Resource,
  field: FieldMeta,
  { change, value }: FieldChange,
  index: number,
  idColumn: string,
  parameter: (value: unknown) => string,
): Side {
  const { joinTable, ownColumn, otherColumn, model: related } = field.relation as RelationMeta;
  const relatedModel = resource.metadata.models[related];
  const relatedId = relatedModel?.fields[relatedModel.idFields[0] as string];
  if (!joinTable || !relatedId) throw new Error(`${resource.model.name}.${field.name} has no join table`);
  const [before, after] = [`"_before${index}"`, `"_after${index}"`];
  const current = `array(select j.${otherColumn}::text from ${joinTable} j where j.${ownColumn} = t.${idColumn} order by 1)`;
  const given = `${parameter(value)}::text[]`;
  const next =
    change === 'add'
      ? `array(select distinct v from unnest(${current} || ${given}) v order by 1)`
      : change === 'remove'
        ? `array(select v from unnest(${current}) v where v <> all(${given}) order by 1)`
        : `array(select distinct v from unnest(${given}) v order by 1)`;
  return {
    field,
    before,
    after,
    current,
    next,
    writes: [
      `dropped${index} as (delete from ${joinTable} j using changed
        where j.${ownColumn} = changed.${idColumn} and j.${otherColumn}::text <> all(changed.${after}))`,
      `added${index} as (insert into ${joinTable} (${ownColumn}, ${otherColumn})
        select changed.${idColumn}, v::${relatedId.sqlType} from changed cross join unnest(changed.${after}) v
        on conflict do nothing)`,
    ],
  };
}
