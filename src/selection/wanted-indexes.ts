import type { Pool } from 'pg';
import { escapeIdentifier } from 'pg';
import { foldedSql, hasMoreThanAscii } from '../fields/folded.ts';
import { scalarKind } from '../fields/scalar-kind.ts';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import type { Resource, ResourceRegistry } from '../resources/contract.ts';

/** An index without which searching or sorting a list reads its table. */
export interface WantedIndex {
  table: string;
  /** What it is for, in words: `Cities: search in name`. */
  purpose: string;
  sql: string;
  /** Why the connection's user may not create it; null where they may. */
  obstacle: string | null;
}

export interface WantedIndexes {
  /** Null: installed, or not wanted. */
  extension: { sql: string; obstacle: string | null } | null;
  indexes: WantedIndex[];
}

const words = {
  search: 'search in',
  accents: 'search without accents in',
  filter: 'filter by',
  sort: 'sort by',
} as const;

interface IndexNeed {
  resource: Resource;
  meta: FieldMeta;
  kind: 'search' | 'accents' | 'filter' | 'sort';
}

/** Which indexes the resources' lists want and do not have; nothing is created. */
export async function findWantedIndexes(
  pool: Pool,
  registry: ResourceRegistry,
): Promise<WantedIndexes> {
  const found = await lookAround(pool, registry);
  const wanted = registry.list
    .flatMap(wantedBy)
    .filter(({ resource: { model }, meta, kind }) => !found.has(model, meta, kind));
  // One index serves both who filters by a column and who sorts by it.
  const nameOf = ({ resource, meta, kind }: IndexNeed) =>
    `${resource.model.table} ${meta.column} ${isOfWords(kind) ? kind : 'order'}`;
  const once = [
    ...new Map([...wanted].reverse().map((one) => [nameOf(one), one])).values(),
  ].reverse();
  const isSearched = once.some(({ kind }) => isOfWords(kind));
  return {
    extension:
      isSearched && found.trigramSchema === null
        ? {
            sql: 'create extension if not exists pg_trgm;',
            obstacle: found.mayInstall ? null : 'pg_trgm is not available, or not yours to install',
          }
        : null,
    indexes: once.map((one) => ({
      table: one.resource.model.table,
      purpose: `${one.resource.label}: ${words[one.kind]} ${one.meta.name}`,
      sql: sqlOf(one, found),
      obstacle: obstacleOf(one.resource.model, found),
    })),
  };
}

/**
 * Creates them one by one without holding up anybody who writes; tells each before it begins.
 * Returns how many were created.
 */
export async function createIndexes(
  pool: Pool,
  { extension, indexes }: WantedIndexes,
  onBegin: (index: WantedIndex) => void,
): Promise<number> {
  if (extension && !extension.obstacle) await pool.query(extension.sql);
  const possible = indexes.filter(
    ({ obstacle, sql }) => !obstacle && !(extension?.obstacle && sql.includes('gin_trgm_ops')),
  );
  for (const index of possible) {
    onBegin(index);
    await pool.query(index.sql);
  }
  return possible.length;
}

function wantedBy(resource: Resource): IndexNeed[] {
  const { model, search, columns, filters } = resource;
  if (model.isView) return [];
  const searched = search.filter(
    ({ meta }) => meta.column && /^(text|varchar)\b/.test(meta.sqlType ?? ''),
  );
  const sorted = columns.filter(
    ({ field, through }) => field && !through && !field.relation && isWorthSorting(field.meta),
  );
  const chosen = filters.filter(
    ({ meta, relation }) => meta.column && (relation?.kind === 'to-one' || meta.kind === 'enum'),
  );
  return [
    ...searched.flatMap(({ meta }) => [
      { resource, meta, kind: 'search' as const },
      { resource, meta, kind: 'accents' as const },
    ]),
    ...chosen.map(({ meta }) => ({ resource, meta, kind: 'filter' as const })),
    ...sorted.flatMap(({ field }) =>
      field ? [{ resource, meta: field.meta, kind: 'sort' as const }] : [],
    ),
  ];
}

function isOfWords(kind: IndexNeed['kind']): boolean {
  return kind === 'search' || kind === 'accents';
}

function isWorthSorting(meta: FieldMeta): boolean {
  return meta.column !== null && !meta.isId && !meta.isUnique && scalarKind(meta).isSortable;
}

function obstacleOf(model: ModelMeta, { owns, isPartitioned }: Surroundings): string | null {
  if (!owns(model)) return 'the table is not yours';
  return isPartitioned(model)
    ? 'the table is partitioned, so that this would hold up whoever writes: see docs/scaling.md'
    : null;
}

function sqlOf(
  { resource: { model }, meta, kind }: IndexNeed,
  { trigramSchema, isPartitioned }: Surroundings,
): string {
  const name = escapeIdentifier(
    `${model.dbTable}_${meta.dbColumn}_bulkhead_${isOfWords(kind) ? kind : 'order'}`.slice(-63),
  );
  const how = isPartitioned(model) ? '' : ' concurrently';
  const begin = `create index${how} if not exists ${name} on ${model.table}`;
  const trigrams = `${trigramSchema ? `${escapeIdentifier(trigramSchema)}.` : ''}gin_trgm_ops`;
  if (kind === 'search') return `${begin} using gin (${meta.column} ${trigrams});`;
  // The same words as the search's: only such an index is its own.
  if (kind === 'accents')
    return `${begin} using gin ((${foldedSql(meta.column ?? '')}) ${trigrams}) where ${hasMoreThanAscii(meta.column ?? '')};`;
  const ids = model.idFields.flatMap((id) => model.fields[id]?.column ?? []);
  return `${begin} (${[meta.column, ...ids].join(', ')});`;
}

/** Is it an expression of an index over this column, as PostgreSQL writes it down? */
function folds(sql: string, name: string | null): boolean {
  const [, written = ''] = /normalize\(\(?("(?:[^"]|"")+"|[^\s,)]+)/i.exec(sql) ?? [];
  return (written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written) === name;
}

interface Surroundings {
  trigramSchema: string | null;
  mayInstall: boolean;
  owns(model: ModelMeta): boolean;
  isPartitioned(model: ModelMeta): boolean;
  has(model: ModelMeta, meta: FieldMeta, kind: IndexNeed['kind']): boolean;
}

async function lookAround(pool: Pool, registry: ResourceRegistry): Promise<Surroundings> {
  const tables = [...new Set(registry.list.map(({ model }) => model.table))];
  const { rows: owned } = await pool.query<{
    name: string;
    isOwn: boolean;
    isPartitioned: boolean;
  }>(
    `select name, pg_has_role(c.relowner, 'usage') as "isOwn", c.relkind = 'p' as "isPartitioned" from unnest($1::text[]) name join pg_class c on c.oid = to_regclass(name)`,
    [tables],
  );
  const { rows: indexed } = await pool.query<{
    name: string;
    column: string;
    next: string | null;
    isUnique: boolean;
    isTrigram: boolean;
  }>(
    `select name, a.attname as "column", b.attname as next, i.indisunique and i.indnkeyatts = 1 as "isUnique", o.opcname like '%trgm_ops' as "isTrigram"
     from unnest($1::text[]) name join pg_index i on i.indrelid = to_regclass(name)
     join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam
     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
     left join pg_attribute b on i.indnkeyatts > 1 and b.attrelid = i.indrelid and b.attnum = i.indkey[1] join pg_opclass o on o.oid = i.indclass[0]
     where i.indisvalid and i.indpred is null and (m.amname = 'btree' or o.opcname like '%trgm_ops')`,
    [tables],
  );
  const { rows: folding } = await pool.query<{ name: string; sql: string }>(
    `select name, pg_get_expr(i.indexprs, i.indrelid) as sql from unnest($1::text[]) name join pg_index i on i.indrelid = to_regclass(name)
     join pg_opclass o on o.oid = i.indclass[0] where i.indisvalid and i.indnkeyatts = 1 and i.indexprs is not null and o.opcname like '%trgm_ops'`,
    [tables],
  );
  const { rows: extensions } = await pool.query<{ schema: string | null; mayInstall: boolean }>(
    `select n.nspname as schema,
       exists (select 1 from pg_available_extension_versions v where v.name = 'pg_trgm'
         and ((v.trusted and has_database_privilege(current_database(), 'create')) or (select rolsuper from pg_roles where rolname = current_user))) as "mayInstall"
     from (values (1)) one left join pg_extension e on e.extname = 'pg_trgm' left join pg_namespace n on n.oid = e.extnamespace`,
  );
  return {
    trigramSchema: extensions[0]?.schema ?? null,
    mayInstall: extensions[0]?.mayInstall ?? false,
    owns: ({ table }) => owned.some(({ name, isOwn }) => name === table && isOwn),
    isPartitioned: ({ table }) => owned.some((one) => one.name === table && one.isPartitioned),
    has({ table, idFields, fields }, meta, kind) {
      if (kind === 'accents')
        return folding.some((one) => one.name === table && folds(one.sql, meta.dbColumn));
      const on = indexed.filter((one) => one.name === table && one.column === meta.dbColumn);
      if (kind === 'search') return on.some(({ isTrigram }) => isTrigram);
      // Among equals the id decides, so it has to be in the index too.
      const id = fields[idFields[0] ?? '']?.dbColumn;
      return on.some(
        ({ next, isUnique, isTrigram }) => !isTrigram && (isUnique || !id || next === id),
      );
    },
  };
}
