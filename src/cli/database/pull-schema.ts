import { introspect, type SchemaFiles } from '../../db/schema-engine.ts';
import { nameRelations } from './name-relations.ts';
import { asDelegate, namesFor, quoted } from './plain-names.ts';
import {
  columnOf,
  mappedName,
  type PulledBlock,
  parsePulled,
  schemaNameOf,
  typeName,
} from './pulled-text.ts';
import { isTableSpeakable, withoutQuotedNames } from './quoted-names.ts';
import type { Catalog, FoundTable } from './read-catalog.ts';
import { viewBlock } from './view-block.ts';

/** Name of the one file of a schema that was found. */
export const foundFile = 'schema.prisma';

/** The Prisma schema of a database that has none. */
export async function pullSchema(connectionString: string, catalog: Catalog): Promise<SchemaFiles> {
  const readable = catalog.tables.filter((table) => table.isReadable && isTableSpeakable(table));
  const schemas = [...new Set(readable.map(({ schema }) => schema))];
  const head = headOf(schemas);
  const pulled = await pulledText(connectionString, catalog, schemas);
  const found = new Map(readable.map((table) => [placeOf(table.schema, table.name), table]));
  const tableOf = (block: PulledBlock) =>
    found.get(placeOf(schemaNameOf(block), mappedName(block)));
  const pulledBlocks = parsePulled(pulled);
  const blocks = [
    ...withoutQuotedNames(pulledBlocks.filter((block) => tableOf(block)?.kind === 'table')),
    ...pulledBlocks.filter(({ kind }) => kind === 'enum'),
  ];
  // As the catalog has them; those with names of ours come first otherwise.
  const order = [...found.keys()];
  const positionOf = (block: PulledBlock) =>
    order.indexOf(placeOf(schemaNameOf(block), mappedName(block)));
  const models = blocks
    .filter(({ kind }) => kind === 'model')
    .sort((one, other) => positionOf(one) - positionOf(other));
  withoutUselessKeys(models);
  withoutLostRelations(models, blocks);
  nameRelations(models);
  const names = new Set(blocks.map(({ name }) => asDelegate(name)));
  const enums = new Map(
    blocks
      .filter(({ kind }) => kind === 'enum')
      .map((block) => [placeOf(schemaNameOf(block), mappedName(block)), block.name]),
  );
  const views = readable
    .filter(({ kind }) => kind !== 'table')
    .map((table) => viewBlock(table, names, enums));
  const text = [
    head,
    ...[...models, ...views].filter(hasValues).map((block) => blockText(block, tableOf(block))),
    ...blocks.filter(({ kind }) => kind === 'enum').map((block) => blockText(block, undefined)),
  ].join('\n\n');
  return [[foundFile, `${text}\n`]];
}

/** Prisma takes no table of which it knows no column. */
function hasValues({ fields }: PulledBlock): boolean {
  return fields.some(({ type }) => !type.startsWith('Unsupported('));
}

function placeOf(schema: string, name: string): string {
  return `${schema}.${name}`;
}

function headOf(schemas: readonly string[]): string {
  return [
    'generator client {',
    '  provider        = "prisma-client"',
    '  output          = "./client"',
    '  previewFeatures = ["views", "partialIndexes"]',
    '}',
    '',
    'datasource db {',
    '  provider = "postgresql"',
    `  schemas  = [${schemas.map(quoted).join(', ')}]`,
    '}',
  ].join('\n');
}

// A foreign key may lead into a Postgres schema that was not asked for: Prisma then wants all of
// them.
async function pulledText(
  connectionString: string,
  catalog: Catalog,
  schemas: readonly string[],
): Promise<string> {
  const names = namesFor(catalog);
  const ask = (asked: readonly string[]) =>
    introspect(connectionString, [[foundFile, `${headOf(asked)}\n\n${names}\n`]]);
  try {
    return await ask(schemas);
  } catch (error) {
    if ((error as { code?: string }).code !== 'P4002') throw error;
    return ask([...new Set([...schemas, ...catalog.schemas])]);
  }
}

/**
 * Prisma ignores a table of whose keys none addresses a record, such as one of ranges: without them
 * it is one that is looked at only.
 */
function withoutUselessKeys(models: readonly PulledBlock[]): void {
  for (const model of models) {
    const keys = model.attributes.filter((attribute) => /^@@(?:id|unique)\b/.test(attribute));
    const isIgnored = model.attributes.some((attribute) => attribute.startsWith('@@ignore'));
    if (!isIgnored || (keys.length === 0 && !model.fields.some(({ rest }) => ownKey.test(rest))))
      continue;
    model.attributes = model.attributes.filter((attribute) => !keys.includes(attribute));
    const others = models.filter((other) => other !== model);
    for (const other of others)
      other.fields = other.fields.filter((field) => typeName(field) !== model.name);
    const names = new Set(models.map(({ name }) => name));
    model.fields = model.fields
      .filter((field) => !names.has(typeName(field)))
      .map((field) => ({ ...field, rest: field.rest.replace(ownKey, '').trim() }));
  }
}

const ownKey = /(?<!@)@(?:id|unique)\b(?:\([^)]*\))?/;

/** Relations with tables that have no pages: their keys are values as others are. */
function withoutLostRelations(
  models: readonly PulledBlock[],
  blocks: readonly PulledBlock[],
): void {
  const there = new Set(blocks.map(({ name }) => name));
  for (const model of models)
    model.fields = model.fields.filter(
      (field) =>
        !/@relation\(|\[\]$|\?$/.test(`${field.type} ${field.rest}`) || isThere(field.type),
    );
  function isThere(type: string): boolean {
    const name = typeName({ name: '', type, rest: '' });
    return there.has(name) || scalars.has(name) || name.startsWith('Unsupported(');
  }
}

const scalars = new Set('String Int BigInt Float Decimal Boolean DateTime Json Bytes'.split(' '));

function blockText(block: PulledBlock, table: FoundTable | undefined): string {
  const comments = new Map(table?.columns.map(({ name, comment }) => [name, comment]));
  const lines = block.fields.flatMap((field) => [
    ...said(comments.get(columnOf(field)), '  '),
    `  ${[field.name, field.type, field.rest].filter(Boolean).join(' ')}`,
  ]);
  const attributes = block.attributes.map((attribute) => `  ${attribute}`);
  return [
    ...said(table?.comment, ''),
    `${block.kind} ${block.name} {`,
    ...lines,
    '',
    ...attributes,
    '}',
  ].join('\n');
}

// Whatever anybody ends a line with: what stands behind it would be the schema's own, whose
// generators are commands.
const lineEnd = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;

function said(comment: string | null | undefined, indent: string): string[] {
  return (comment ?? '')
    .split(lineEnd)
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => `${indent}/// ${line}`);
}
