#!/usr/bin/env node
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DMMF } from '@prisma/generator-helper';
import helper from '@prisma/generator-helper';
import { escapeIdentifier } from 'pg';
import { clientModule } from './client-module.ts';
import type { EnumMeta, FieldMeta, Metadata, ModelMeta, RelationMeta } from './contract.ts';
import { keyPartOf } from './key-part.ts';
import { metadataText } from './metadata-text.ts';
import { type Block, blocksOf, fieldLines, textAttribute } from './schema-text.ts';
import { readWholeLines } from './whole-lines.ts';

readWholeLines();

/**
 * Bulkhead's Prisma generator: writes what the other rooms need to know about a schema as plain
 * data.
 */
helper.generatorHandler({
  onManifest: () => ({ prettyName: 'Bulkhead metadata', defaultOutput: '../generated/bulkhead' }),
  async onGenerate({ dmmf, generator, otherGenerators, datamodel }) {
    const folder = generator.output?.value;
    if (!folder) throw new Error('the Bulkhead generator needs an output');
    const { defaultSchema, importFileExtension } = generator.config;
    const ending = typeof importFileExtension === 'string' ? importFileExtension : undefined;
    const from = clientModule(otherGenerators, folder, ending);
    if (from === null)
      throw new Error(
        'the Bulkhead generator needs a client beside it: add generator client { provider = "prisma-client" … } to the schema',
      );
    const metadata = metadataOf(
      dmmf.datamodel,
      datamodel,
      typeof defaultSchema === 'string' ? defaultSchema : null,
    );
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'metadata.ts'), metadataText(metadata, { from }));
  },
});

interface Sources {
  readonly models: readonly DMMF.Model[];
  readonly enums: readonly EnumMeta[];
  /** What the DMMF leaves out: views, the Postgres schema of enums, `Unsupported` columns, all digits of a default. */
  readonly blocks: ReadonlyMap<string, Block>;
  /** Where a table is that names no Postgres schema of its own. */
  readonly defaultSchema: string;
}

function metadataOf(
  { models, enums }: DMMF.Datamodel,
  text: string,
  given: string | null,
): Metadata {
  const defaultSchema = given ?? 'public';
  const blocks = new Map(blocksOf(text).map((block) => [block.name, block]));
  const schemaOfEnum = (name: string) =>
    (blocks.has(name) ? textAttribute(blocks.get(name) as Block, '@@schema') : null) ??
    defaultSchema;
  const sources: Sources = {
    models,
    blocks,
    defaultSchema,
    enums: enums.map((item) => enumOf(item, schemaOfEnum(item.name))),
  };
  const isOpen =
    given === null && !models.some((model) => (model as { schema?: string | null }).schema);
  return {
    defaultSchema: isOpen ? defaultSchema : null,
    enums: Object.fromEntries(sources.enums.map((item) => [item.name, item])),
    models: Object.fromEntries(models.map((model) => [model.name, modelOf(model, sources)])),
  };
}

function enumOf(item: DMMF.DatamodelEnum, schema: string): EnumMeta {
  return {
    name: item.name,
    sqlType: `${escapeIdentifier(schema)}.${escapeIdentifier(item.dbName ?? item.name)}`,
    values: item.values.map((value) => ({ name: value.name, dbName: value.dbName ?? value.name })),
  };
}

function modelOf(model: DMMF.Model, sources: Sources): ModelMeta {
  const dbTable = model.dbName ?? model.name;
  const dbSchema = schemaOf(model, sources);
  const id = idOf(model, sources);
  const block = sources.blocks.get(model.name);
  return {
    name: model.name,
    delegate: model.name.charAt(0).toLowerCase() + model.name.slice(1),
    table: `${escapeIdentifier(dbSchema)}.${escapeIdentifier(dbTable)}`,
    dbSchema,
    dbTable,
    isView: block?.kind === 'view',
    idFields: id.fields,
    compositeIdName: id.fields.length > 1 ? (id.name ?? id.fields.join('_')) : null,
    uniques: [
      ...model.fields.filter((field) => field.isUnique).map((field) => [field.name]),
      ...model.uniqueFields.map((fields) => [...fields]),
    ],
    fields: Object.fromEntries(
      model.fields.map((field) => [
        field.name,
        fieldOf(field, model, sources, id.fields.includes(field.name)),
      ]),
    ),
    unwritable: [
      ...(block ? unsupportedOf(block) : []),
      ...model.fields.filter(isUnwritable).map(({ name }) => name),
    ],
    documentation: model.documentation ?? null,
  };
}

function schemaOf(model: DMMF.Model, { defaultSchema }: Sources): string {
  return (model as { schema?: string | null }).schema ?? defaultSchema;
}

/** The id; where it cannot address a record, the first unique of required fields that can. */
function idOf(
  model: DMMF.Model,
  sources: Sources,
): { fields: readonly string[]; name: string | null } {
  const single = (fits: (field: DMMF.Field) => boolean) =>
    model.fields.filter(fits).map(({ name }) => ({ fields: [name], name: null }));
  const composite = ({ fields, name }: DMMF.PrimaryKey | DMMF.uniqueIndex) => ({
    fields: [...fields],
    name: name || null,
  });
  const candidates = [
    ...single((field) => field.isId),
    ...(model.primaryKey ? [composite(model.primaryKey)] : []),
    ...single((field) => field.isUnique && field.isRequired && !field.isList),
    ...model.uniqueIndexes.map(composite),
  ];
  const canAddress = (name: string) => {
    const field = model.fields.find((candidate) => candidate.name === name);
    return field?.isRequired && keyPartOf(fieldOf(field, model, sources, true)) !== null;
  };
  return candidates.find(({ fields }) => fields.every(canAddress)) ?? { fields: [], name: null };
}

function unsupportedOf(block: Block): string[] {
  const lines = fieldLines(block).filter(
    ({ rest }) =>
      /^Unsupported\("(?:[^"\\]|\\.)*"\)(?!\s*[?[])/.test(rest) && !/@default\(/.test(rest),
  );
  return lines.map(({ name }) => name);
}

// No form makes bytes.
function isUnwritable(field: DMMF.Field): boolean {
  return field.type === 'Bytes' && field.isRequired && !field.isList && !field.hasDefaultValue;
}

function fieldOf(field: DMMF.Field, model: DMMF.Model, sources: Sources, isId: boolean): FieldMeta {
  const kind = field.kind === 'object' ? 'relation' : field.kind;
  const hasColumn = kind === 'scalar' || kind === 'enum';
  const given = field.default as { name?: string; args?: readonly unknown[] } | undefined;
  return {
    name: field.name,
    kind: kind as FieldMeta['kind'],
    type: field.type,
    column: hasColumn ? escapeIdentifier(field.dbName ?? field.name) : null,
    dbColumn: hasColumn ? (field.dbName ?? field.name) : null,
    sqlType: hasColumn ? sqlTypeOf(field, sources.enums) : null,
    isRequired: field.isRequired,
    isList: field.isList,
    isId,
    isUnique: field.isUnique,
    isUpdatedAt: field.isUpdatedAt ?? false,
    hasDefault: field.hasDefaultValue,
    default: defaultOf(field, sources.blocks.get(model.name)),
    isGenerated: given?.name === 'dbgenerated' && given.args?.length === 0,
    enumValues: sources.enums.find(({ name }) => name === field.type)?.values ?? null,
    foreignKeyOf:
      model.fields.find(
        (other) =>
          other.relationFromFields?.length === 1 && other.relationFromFields[0] === field.name,
      )?.name ?? null,
    relation: kind === 'relation' ? relationOf(field, model, sources) : null,
    documentation: field.documentation ?? null,
  };
}

// The DMMF holds decimals as floating point; the schema's text has every digit.
function defaultOf(field: DMMF.Field, block: Block | undefined): unknown {
  if (typeof field.default !== 'number' || field.type !== 'Decimal') return field.default ?? null;
  const line = block && fieldLines(block).find(({ name }) => name === field.name);
  return /@default\(\s*([-+\d.eE]+)\s*\)/.exec(line?.rest ?? '')?.[1] ?? String(field.default);
}

const defaultTypes: Record<string, string> = {
  String: 'text',
  Int: 'integer',
  BigInt: 'bigint',
  Float: 'double precision',
  Decimal: 'numeric(65,30)',
  Boolean: 'boolean',
  DateTime: 'timestamp(3)',
  Json: 'jsonb',
  Bytes: 'bytea',
};

const nativeTypes: Record<string, string> = {
  Text: 'text',
  Char: 'character',
  VarChar: 'varchar',
  Bit: 'bit',
  VarBit: 'varbit',
  Uuid: 'uuid',
  Xml: 'xml',
  Inet: 'inet',
  Citext: 'citext',
  Integer: 'integer',
  SmallInt: 'smallint',
  BigInt: 'bigint',
  Oid: 'oid',
  Real: 'real',
  DoublePrecision: 'double precision',
  Decimal: 'numeric',
  Money: 'money',
  Timestamp: 'timestamp',
  Timestamptz: 'timestamptz',
  Date: 'date',
  Time: 'time',
  Timetz: 'timetz',
  Json: 'json',
  JsonB: 'jsonb',
  ByteA: 'bytea',
  Boolean: 'boolean',
};

function sqlTypeOf(field: DMMF.Field, enums: readonly EnumMeta[]): string {
  const list = field.isList ? '[]' : '';
  if (field.kind === 'enum') {
    const item = enums.find((candidate) => candidate.name === field.type);
    return `${item?.sqlType ?? 'text'}${list}`;
  }
  const [name, parameters] = field.nativeType ?? [null, []];
  const base = (name && nativeTypes[name]) || defaultTypes[field.type] || 'text';
  return `${base}${parameters && parameters.length > 0 ? `(${parameters.join(',')})` : ''}${list}`;
}

function relationOf(field: DMMF.Field, model: DMMF.Model, sources: Sources): RelationMeta {
  const related = sources.models.find((candidate) => candidate.name === field.type);
  const back = related?.fields.find(
    (other) => other.relationName === field.relationName && (related !== model || other !== field),
  );
  const isJoined = field.isList && (back?.isList ?? false);
  const base = {
    model: field.type,
    opposite: back?.name ?? null,
    fromFields: [...(field.relationFromFields ?? [])],
    toFields: [...(field.relationToFields ?? [])],
  };
  if (!isJoined)
    return {
      ...base,
      kind: field.isList ? 'to-many' : 'to-one',
      joinTable: null,
      ownColumn: null,
      otherColumn: null,
    };
  // An implicit many-to-many: column A belongs to the model that comes first by name (of two fields, for a self relation).
  const isFirst = related === model ? field.name < (back?.name ?? '') : model.name < field.type;
  return {
    ...base,
    kind: 'many-to-many',
    joinTable: `${escapeIdentifier(schemaOf(isFirst ? model : (related ?? model), sources))}.${escapeIdentifier(`_${field.relationName}`)}`,
    ownColumn: isFirst ? '"A"' : '"B"',
    otherColumn: isFirst ? '"B"' : '"A"',
  };
}
