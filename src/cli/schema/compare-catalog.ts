import type { Client } from 'pg';
import type { FieldMeta, Metadata, ModelMeta } from '../../metadata/contract.ts';

/**
 * What a database that somebody else keeps has otherwise than the schema says, as far as pages
 * notice.
 */
export interface CatalogDifferences {
  /** Without these, pages of the schema cannot work: a sentence's end each. */
  readonly lacks: readonly string[];
  /** Worth a line at the start, and no more. */
  readonly notes: readonly string[];
}

interface CatalogColumn {
  table: string;
  column: string;
  type: string;
  typeSchema: string;
  isEnum: boolean;
  isList: boolean;
  mustBeGiven: boolean;
}

/** Asks the catalog, which anybody may read: a role sees there also what it has no rights to. */
export async function compareCatalog(
  client: Client,
  metadata: Metadata,
): Promise<CatalogDifferences> {
  const models = Object.values(metadata.models);
  const columns = await columnsOf(client, [
    ...new Set(models.flatMap((model) => [model.table, ...joinTables(model)])),
  ]);
  const lacks: string[] = [];
  const unknown: string[] = [];
  const needed: string[] = [];
  for (const model of models) {
    const there = columns.get(model.table);
    if (!there) {
      // Prisma makes no views: a schema often names one that is made later or by hand.
      if (!model.isView) lacks.push(`the table ${model.table}`);
      continue;
    }
    const named = new Set<string>();
    for (const field of Object.values(model.fields)) {
      if (field.dbColumn === null) continue;
      const found = there.get(field.dbColumn);
      named.add(field.dbColumn);
      if (!found) lacks.push(`the column ${field.column} of ${model.table}`);
      else if (!isReadableAs(found, field))
        lacks.push(
          `a column ${field.column} of ${model.table} that is ${field.sqlType}: it is ${found.type}${found.isList ? '[]' : ''}`,
        );
    }
    for (const join of joinTables(model)) if (!columns.has(join)) lacks.push(`the table ${join}`);
    if (model.isView) continue;
    for (const [column, found] of there) {
      if (named.has(column)) continue;
      const isNeeded = found.mustBeGiven && !model.unwritable.includes(column);
      (isNeeded ? needed : unknown).push(`${model.name}.${column}`);
    }
  }
  return {
    lacks: [...new Set(lacks)],
    notes: [...notesOf(unknown, needed), ...(await enumNotes(client, metadata))],
  };
}

function notesOf(unknown: readonly string[], needed: readonly string[]): string[] {
  return [
    ...(unknown.length > 0
      ? [
          `The database has columns that the schema does not name, and they are left alone: ${listed(unknown)}.`,
        ]
      : []),
    ...needed.map(
      (column) =>
        `Records of ${column.split('.')[0]} cannot be made here: ${column} needs a value, and the schema does not name it.`,
    ),
  ];
}

/** A few, and how many more there are. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

function joinTables({ fields }: ModelMeta): string[] {
  return Object.values(fields).flatMap(({ relation }) =>
    relation?.joinTable ? [relation.joinTable] : [],
  );
}

async function columnsOf(
  client: Client,
  tables: readonly string[],
): Promise<Map<string, Map<string, CatalogColumn>>> {
  const { rows } = await client.query<CatalogColumn>(
    `select wanted.name as table, a.attname::text as column, base.typname as type, n.nspname as "typeSchema",
       base.typtype = 'e' as "isEnum", element.oid is not null as "isList",
       a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = '' as "mustBeGiven"
     from unnest($1::text[]) as wanted(name) join pg_class c on c.oid = to_regclass(wanted.name)
     join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     join pg_type t on t.oid = a.atttypid
     join pg_type whole on whole.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
     left join pg_type element on element.oid = whole.typelem and whole.typcategory = 'A'
     join pg_type base on base.oid = coalesce(element.oid, whole.oid)
     join pg_namespace n on n.oid = base.typnamespace
     order by a.attnum`,
    [tables],
  );
  const found = new Map<string, Map<string, CatalogColumn>>();
  for (const row of rows) {
    const table = found.get(row.table) ?? new Map<string, CatalogColumn>();
    found.set(row.table, table.set(row.column, row));
  }
  return found;
}

/** Types that are read, compared and written as one another. */
const families: readonly (readonly string[])[] = [
  ['text', 'varchar', 'character varying', 'bpchar', 'character', 'char', 'citext', 'name'],
  [
    'int2',
    'int4',
    'int8',
    'smallint',
    'integer',
    'bigint',
    'numeric',
    'decimal',
    'float4',
    'float8',
    'real',
    'double precision',
  ],
  ['timestamp', 'timestamptz', 'date'],
  ['time', 'timetz'],
  ['json', 'jsonb'],
  ['bool', 'boolean'],
  ['inet', 'cidr'],
  ['bit', 'varbit', 'bit varying'],
];

function isReadableAs(found: CatalogColumn, field: FieldMeta): boolean {
  if (found.isList !== field.isList) return false;
  if (field.kind === 'enum') return found.isEnum;
  const wanted = (field.sqlType ?? '').replace(/\(.*?\)|\[\]/g, '').trim();
  if (wanted === found.type) return true;
  return families.some((family) => family.includes(wanted) && family.includes(found.type));
}

/** Values that one side has and the other does not. */
async function enumNotes(client: Client, { enums }: Metadata): Promise<string[]> {
  const notes: string[] = [];
  for (const { name, sqlType, values } of Object.values(enums)) {
    const { rows } = await client.query<{ value: string }>(
      'select enumlabel as value from pg_enum where enumtypid = to_regtype($1) order by enumsortorder',
      [sqlType],
    );
    if (rows.length === 0) continue;
    const there = new Set(rows.map(({ value }) => value));
    const known = new Set(values.map(({ dbName }) => dbName));
    const unknown = [...there].filter((value) => !known.has(value));
    const absent = [...known].filter((value) => !there.has(value));
    if (unknown.length > 0)
      notes.push(
        `${name} has values in the database that the schema does not name, and they are shown as they are: ${listed(unknown)}.`,
      );
    if (absent.length > 0)
      notes.push(
        `${name} lacks values in the database that the schema names, so no record can have them: ${listed(absent)}.`,
      );
  }
  return notes;
}
