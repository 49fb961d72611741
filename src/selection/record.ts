import { createHash } from 'node:crypto';
import type { Principal } from '../auth/principal.ts';
import { join, raw, type Sql, sql, statementOf } from '../db/sql.ts';
import { notFound } from '../errors.ts';
import { columnValue } from '../fields/column-value.ts';
import { limits } from '../limits.ts';
import type { FieldMeta } from '../metadata/contract.ts';
import { keySql } from '../metadata/key-sql.ts';
import { keyToUrl, whereKeys } from '../metadata/keys.ts';
import { textSql } from '../metadata/value-text.ts';
import type { Client, Where } from '../resources/client.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../resources/contract.ts';
import { canBeLong, cutSql, titleText } from './cut.ts';
import { idOf, reselect } from './matching-sql.ts';
import { isWholly } from './page-reads.ts';
import { buildWhere } from './where.ts';

/**
 * One record for its own pages: values by column of every field asked for; of a many-to-many field
 * the related ids that the principal may see, as `{ id }`. JSON keeps every digit.
 */
export interface RecordValuesRead {
  key: string;
  title: string;
  values: Readonly<Record<string, unknown>>;
  /**
   * By name of the field, what is too long for a page or a form. Its value is there only where it
   * had to be read anyway.
   */
  long: ReadonlyMap<string, LongValue>;
  /** Many-to-many fields with more than `limits.record.links`, of which the first are there. */
  overfull: readonly string[];
}

/** Of a long value its beginning, and what tells it from any other. */
export interface LongValue {
  beginning: string;
  bytes: number;
  digest: string;
}

export interface ReadRecordOptions {
  /** Default: the registry's. */
  client?: Client;
  /** However long its values are. */
  isWhole?: boolean;
}

/** Characters of a longer one that are shown. */
const shownOfLong = 2_000;

/**
 * Read as lists are, in words of the database's: Prisma refuses values that its schema does not
 * know. Outside the scope, or gone, is 404. Secrets are not read. One statement.
 */
export async function readRecord(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  key: string,
  asked: readonly ResourceField[],
  { client = registry.client, isWhole = false }: ReadRecordOptions = {},
): Promise<RecordValuesRead> {
  const fields = asked.filter(({ isSecret }) => !isSecret);
  const { model, metadata, titleField } = resource;
  const matching = await registry.whereSql(
    model,
    { AND: [buildWhere(resource, principal, ''), whereKeys(model, [key])] },
    idOf(model),
  );
  const titleColumn = model.fields[titleField]?.column;
  const columns = [
    raw(
      `${titleColumn ? cutSql(`t.${titleColumn}::text`, limits.shown.titleLength) : 'null'} as title`,
    ),
  ];
  for (const [index, field] of fields.entries()) columns.push(...(await columnsOf(field, index)));
  const { text, values: sent } = statementOf(
    sql`select ${join(columns)} from (${reselect(model, matching, '*')}) t`,
  );
  const [row] = await client.$queryRawUnsafe<Record<string, string | null>[]>(text, ...sent);
  if (!row) throw notFound();
  const values: Record<string, unknown> = {};
  const long = new Map<string, LongValue>();
  const overfull: string[] = [];
  for (const [index, field] of fields.entries()) {
    const held = row[`${index}`] ?? null;
    if (field.relation?.kind === 'many-to-many') {
      const related = metadata.models[field.relation.model];
      const keys = JSON.parse(held ?? '[]') as string[];
      values[field.name] = related
        ? keys.slice(0, limits.record.links).map((one) => ({ id: keyToUrl(related, one) }))
        : [];
      if (keys.length > limits.record.links) overfull.push(field.name);
      continue;
    }
    const [beginning, bytes, digest] = JSON.parse(row[`long ${index}`] ?? '[]') as [
      string?,
      number?,
      string?,
    ];
    if (beginning !== undefined)
      long.set(field.name, { beginning, bytes: bytes ?? 0, digest: digest ?? '' });
    else if (field.meta.column)
      values[field.meta.name] = isSize(field) ? sizeOf(held) : columnValue(field.meta, held);
  }
  if (!isWhole) addLongest();
  return { key, title: titleText(row.title), values, long, overfull };

  async function columnsOf(field: ResourceField, index: number): Promise<Sql[]> {
    const { meta, relation } = field;
    if (relation?.kind === 'many-to-many')
      return [sql`${await linksSql(field)} as ${raw(`"${index}"`)}`];
    if (!meta.column || meta.kind === 'relation') return [];
    if (isSize(field)) return [raw(`octet_length(t.${meta.column})::text as "${index}"`)];
    const whole = wholeSql(meta);
    if (isWhole || isWholly(field) || !canBeLong(meta)) return [raw(`${whole} as "${index}"`)];
    const ifLong = `case when octet_length(${whole}) > ${limits.record.valueBytes}`;
    return [
      raw(`${ifLong} then null else ${whole} end as "${index}"`),
      raw(
        `${ifLong} then json_build_array(left(${whole}, ${shownOfLong}), octet_length(${whole}), encode(sha256(convert_to(${whole}, 'UTF8')), 'hex'))::text end as "long ${index}"`,
      ),
    ];
  }

  async function linksSql({ relation }: ResourceField): Promise<Sql> {
    const model = relation && metadata.models[relation.model];
    const related = model && resource.related(model.name);
    const [own, id] = [resource.model, model].map(
      (one) => one?.fields[one.idFields[0] ?? '']?.column,
    );
    if (!related || !relation?.joinTable || !own || !id) return raw(`'[]'`);
    const found = await registry.whereSql(model, buildWhere(related, principal, ''), idOf(model));
    const links = raw(`${keySql(model, 'r')} as key from ${relation.joinTable} j`);
    const on = raw(`r.${id} = j.${relation.otherColumn} where j.${relation.ownColumn} = t.${own}`);
    const order = raw(`r.${id} limit ${limits.record.links + 1}`);
    const linked = sql`select ${links} join (${reselect(model, found, '*')}) r on ${on} order by ${order}`;
    return sql`(select coalesce(json_agg(linked.key), '[]')::text from (${linked}) linked)`;
  }

  /** The longest are left out until the others have room together. */
  function addLongest(): void {
    const held = fields
      .flatMap((field, index) => {
        const text = row?.[`${index}`] ?? '';
        return canBeLong(field.meta) && !isSize(field)
          ? [{ field, text, bytes: Buffer.byteLength(text) }]
          : [];
      })
      .sort((a, b) => b.bytes - a.bytes);
    let all = held.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { field, text, bytes } of held) {
      if (bytes <= limits.record.valueBytes && all <= limits.record.valuesBytes) return;
      const digest = createHash('sha256').update(text).digest('hex');
      long.set(field.name, { beginning: text.slice(0, shownOfLong).toWellFormed(), bytes, digest });
      all -= bytes;
    }
  }
}

/** All of one value as text; null for none. */
export async function readWhole(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  key: string,
  { meta }: ResourceField,
): Promise<string | null> {
  const { model } = resource;
  const where: Where = { AND: [buildWhere(resource, principal, ''), whereKeys(model, [key])] };
  const found = await registry.whereSql(model, where, idOf(model));
  const { text, values } = statementOf(
    sql`select ${raw(wholeSql(meta))} as whole from (${reselect(model, found, '*')}) t`,
  );
  const [row] = await registry.client.$queryRawUnsafe<{ whole: string | null }[]>(text, ...values);
  if (!row) throw notFound();
  return row.whole;
}

// Of bytes pages show how many there are; the project's own code is given them.
function isSize(field: ResourceField): boolean {
  return field.meta.type === 'Bytes' && !field.meta.isList && !isWholly(field);
}

function sizeOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}

function wholeSql(meta: FieldMeta): string {
  if (meta.kind === 'unsupported') return `t.${meta.column}::text`;
  // A timestamp that JavaScript has none for is shown as this text.
  return meta.type === 'DateTime' && !meta.isList ? `t.${meta.column}::text` : textSql(meta, 't');
}
