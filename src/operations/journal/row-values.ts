import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { plainColumnValue } from '../../fields/column-value.ts';
import { nullOfPrisma } from '../../fields/null-of-prisma.ts';
import { scalarKind } from '../../fields/scalar-kind.ts';
import type { FieldMeta, ModelMeta } from '../../metadata/contract.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import { textSql } from '../../metadata/value-text.ts';
import { imaged, lastImage, linkedIds, objectOf } from './images.ts';

/** A row, locked until the transaction ends. */
export interface Row {
  key: string;
  /** Its columns by field name as JSON, which stays text: no number passes through JavaScript. */
  image: string;
  /** The whole row by column name and what it is linked to, as deletes keep it. */
  whole: string;
  /** Its values as Prisma's client would read them. */
  record: Record<string, unknown>;
}

/** Fields with a column, in the order of the schema. */
export function columnFields(model: ModelMeta): FieldMeta[] {
  return Object.values(model.fields).filter(
    (field) => field.column !== null && (field.kind === 'scalar' || field.kind === 'enum'),
  );
}

export interface ReadRowsOptions {
  /**
   * Which images are made; what is not asked for is empty. Default: none, which is half the work.
   */
  keeps?: 'image' | 'image and whole';
  /** Many-to-many fields that belong in the image. */
  links?: readonly FieldMeta[];
}

/** Reads and locks the rows of `keys` that are there. */
export async function readRows(
  client: Queryable,
  model: ModelMeta,
  keys: readonly string[],
  { keeps, links = [] }: ReadRowsOptions = {},
): Promise<Row[]> {
  const fields = columnFields(model);
  const image = keeps ? imageSql(model, 't', links) : `''`;
  const whole = keeps === 'image and whole' ? lastImage(model, 't') : `''`;
  const read = fields.map((field) => textSql(field, 't')).join(', ');
  // As JSON, since the driver reads an array letter by letter.
  const { rows } = await query<{
    key: string;
    image: string;
    whole: string;
    texts: (string | null)[];
  }>(
    client,
    sql`select ${raw(keySql(model, 't'))} collate "C" as key, (${raw(image)})::text as image, (${raw(whole)})::text as whole,
       to_json(array[${raw(read)}]::text[]) as texts
     from ${raw(model.table)} t where ${keyCondition(model, 't', keys)} order by 1 for update of t`,
  );
  return rows.map(({ key, image, whole, texts }) => {
    const values = fields.map((field, index) => [
      field.name,
      plainColumnValue(field, texts[index] ?? null),
    ]);
    return { key, image, whole, record: Object.fromEntries(values) };
  });
}

/**
 * SQL of a row's columns by field name as JSON, without those that the database generates: nobody
 * can put them back.
 */
export function imageSql(model: ModelMeta, alias: string, links: readonly FieldMeta[]): string {
  const written = columnFields(model).filter(({ isGenerated }) => !isGenerated);
  const columns = written.map(
    (field) => `'${field.name}', ${imaged(field, `${alias}.${field.column}`)}`,
  );
  const linked = links.map(
    (field) => `'${field.name}', to_jsonb(${linkedIds(model, field, alias)})`,
  );
  return objectOf([...columns, ...linked]);
}

/**
 * Text that PostgreSQL casts to the field's type, from a value as Prisma's client takes it; a list
 * as a JSON array of texts.
 */
export function toText(field: FieldMeta, value: unknown): string | null {
  const named = nullOfPrisma(value);
  if (value === null || value === undefined || named === 'DbNull') return null;
  if (named === 'JsonNull') return 'null';
  const text = scalarKind(field).toSql(value, { meta: field });
  return Array.isArray(text) ? JSON.stringify(text) : text;
}
