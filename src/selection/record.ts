import type { Principal } from '../auth/principal.ts';
import { notFound } from '../errors.ts';
import { parseJson } from '../fields/json.ts';
import { isOutOfReach } from '../fields/moment.ts';
import type { FieldMeta } from '../metadata/contract.ts';
import { keyColumns, keyOf, keyToUrl, whereKeys } from '../metadata/keys.ts';
import { delegateOf } from '../resources/delegate.ts';
import type { Client, Resource, ResourceField, Where } from '../resources/contract.ts';
import { titleText } from './cut.ts';
import { buildWhere } from './where.ts';

/**
 * One record for its own pages: values by column of every field asked for; of a many-to-many field the related ids that the
 * principal may see, as `{ id }`. JSON keeps every digit.
 */
export interface RecordValuesRead {
  key: string;
  title: string;
  values: Readonly<Record<string, unknown>>;
  /** Many-to-many fields with more than `mostLinks` links, of which the first are there. */
  overfull: readonly string[];
}

/** Links of a record that are read at most: a relation to a million is no list. */
export const mostLinks = 200;

/** Outside the scope, or gone, is 404. At most two statements. */
export async function readRecord(
  client: Client,
  resource: Resource,
  principal: Principal,
  key: string,
  fields: readonly ResourceField[],
): Promise<RecordValuesRead> {
  const { model } = resource;
  const where: Where = { AND: [buildWhere(resource, principal, ''), whereKeys(model, [key])] };
  const row = await delegateOf(client, model).findFirst({ where, select: selectOf(resource, principal, fields) });
  if (!row) throw notFound();
  const inexact = fields.filter(
    ({ meta, isSecret }) => !isSecret && ((meta.type === 'Json' && !meta.isList) || isOutOfReach(row[meta.name])),
  );
  const values: Record<string, unknown> = { ...row, ...(inexact.length > 0 ? await exactValues(client, resource, key, inexact) : {}) };
  const overfull: string[] = [];
  for (const { name, relation } of fields) {
    if (relation?.kind !== 'many-to-many') continue;
    const ids = idsOf(resource, relation.model, row[name]);
    values[name] = ids.slice(0, mostLinks);
    if (ids.length > mostLinks) overfull.push(name);
  }
  return { key: keyOf(model, row), title: titleText(row[resource.titleField]), values, overfull };
}

function selectOf(resource: Resource, principal: Principal, fields: readonly ResourceField[]): Record<string, unknown> {
  const select: Record<string, unknown> = resource.titleField === '' ? {} : { [resource.titleField]: true };
  for (const id of resource.model.idFields) select[id] = true;
  for (const { name, meta, relation, isSecret } of fields) {
    if (isSecret) continue;
    if (relation?.kind === 'many-to-many') {
      const related = resource.related(relation.model);
      const ids = resource.metadata.models[relation.model]?.idFields ?? [];
      const where = related ? buildWhere(related, principal, '') : { OR: [] };
      select[name] = { where, select: Object.fromEntries(ids.map((id) => [id, true])), take: mostLinks + 1 };
    } else if (meta.kind !== 'relation' && meta.kind !== 'unsupported') select[meta.name] = true;
  }
  return select;
}

function idsOf({ metadata }: Resource, name: string, rows: unknown): { id: string }[] {
  const model = metadata.models[name];
  return model ? ((rows ?? []) as Record<string, unknown>[]).map((row) => ({ id: keyToUrl(model, keyOf(model, row)) })) : [];
}

// Prisma reads JSON through JavaScript's numbers, and moments as JavaScript's.
async function exactValues(client: Client, { model }: Resource, key: string, fields: readonly ResourceField[]) {
  const columns = keyColumns(model, [key]);
  const condition = columns.map(({ column, sqlType }, index) => `t.${column} = $${index + 1}::text::${sqlType}`).join(' and ');
  const names = fields.map(({ meta }, index) => `t.${meta.column}::text as "${index}"`);
  const rows = await client.$queryRawUnsafe<Record<string, string | null>[]>(
    `select ${names.join(', ')} from ${model.table} t where ${condition}`,
    ...columns.map(({ values }) => values[0]),
  );
  return Object.fromEntries(fields.map(({ meta }, index) => [meta.name, exact(meta, rows[0]?.[index] ?? null)]));
}

function exact({ type }: FieldMeta, text: string | null): unknown {
  return type === 'Json' ? parseJson(text) : text;
}
