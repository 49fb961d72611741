import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import helper from '@prisma/generator-helper';
import type { DMMF } from '@prisma/generator-helper';
import type { EnumMeta, FieldMeta, Metadata, ModelMeta, RelationMeta } from './contract.ts';

/** Bulkhead's Prisma generator: writes what the other rooms need to know about a schema as plain data. */
helper.generatorHandler({
  onManifest: () => ({ prettyName: 'Bulkhead metadata', defaultOutput: '../generated/metadata' }),
  async onGenerate({ dmmf, generator, datamodel }) {
    const folder = generator.output?.value;
    if (!folder) throw new Error('the Bulkhead generator needs an output');
    const metadata = metadataOf(dmmf.datamodel, datamodel);
    await mkdir(folder, { recursive: true });
    const text = `// Written by Bulkhead's Prisma generator. Do not edit.\nexport const metadata = ${JSON.stringify(metadata, null, 1)} as const;\n`;
    await writeFile(join(folder, 'metadata.ts'), text);
  },
});

function metadataOf({ models, enums: plain }: DMMF.Datamodel, text: string): Metadata {
  // The DMMF says the Postgres schema of a model but not of an enum.
  const enums = plain.map((item) => ({
    ...item,
    schema: new RegExp(`enum\\s+${item.name}\\s*\\{[^}]*@@schema\\("([^"]+)"\\)`).exec(text)?.[1],
  }));
  return {
    enums: Object.fromEntries(enums.map((item) => [item.name, enumOf(item)])),
    models: Object.fromEntries(models.map((model) => [model.name, modelOf(model, models, enums)])),
  };
}

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

function schemaOf(item: object): string {
  return (item as { schema?: string | null }).schema ?? 'public';
}

function enumOf(item: DMMF.DatamodelEnum): EnumMeta {
  return {
    name: item.name,
    sqlType: `${quote(schemaOf(item))}.${quote(item.dbName ?? item.name)}`,
    values: item.values.map((value) => ({ name: value.name, dbName: value.dbName ?? value.name })),
  };
}

function modelOf(model: DMMF.Model, models: readonly DMMF.Model[], enums: readonly DMMF.DatamodelEnum[]): ModelMeta {
  const single = model.fields.find((field) => field.isId)?.name;
  const dbTable = model.dbName ?? model.name;
  return {
    name: model.name,
    delegate: model.name.charAt(0).toLowerCase() + model.name.slice(1),
    table: `${quote(schemaOf(model))}.${quote(dbTable)}`,
    dbSchema: schemaOf(model),
    dbTable,
    idFields: single ? [single] : [...(model.primaryKey?.fields ?? [])],
    compositeIdName: single || !model.primaryKey ? null : (model.primaryKey.name ?? model.primaryKey.fields.join('_')),
    uniques: [
      ...model.fields.filter((field) => field.isUnique).map((field) => [field.name]),
      ...model.uniqueFields.map((fields) => [...fields]),
    ],
    fields: Object.fromEntries(model.fields.map((field) => [field.name, fieldOf(field, model, models, enums)])),
    documentation: model.documentation ?? null,
  };
}

function fieldOf(field: DMMF.Field, model: DMMF.Model, models: readonly DMMF.Model[], enums: readonly DMMF.DatamodelEnum[]): FieldMeta {
  const kind = field.kind === 'object' ? 'relation' : field.kind;
  const hasColumn = kind === 'scalar' || kind === 'enum';
  return {
    name: field.name,
    kind: kind as FieldMeta['kind'],
    type: field.type,
    column: hasColumn ? quote(field.dbName ?? field.name) : null,
    sqlType: hasColumn ? sqlTypeOf(field, enums) : null,
    isRequired: field.isRequired,
    isList: field.isList,
    isId: field.isId || (model.primaryKey?.fields.includes(field.name) ?? false),
    isUnique: field.isUnique,
    isUpdatedAt: field.isUpdatedAt ?? false,
    hasDefault: field.hasDefaultValue,
    default: field.default ?? null,
    foreignKeyOf: model.fields.find((other) => other.relationFromFields?.includes(field.name))?.name ?? null,
    relation: kind === 'relation' ? relationOf(field, model, models) : null,
    documentation: field.documentation ?? null,
  };
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

function sqlTypeOf(field: DMMF.Field, enums: readonly DMMF.DatamodelEnum[]): string {
  const list = field.isList ? '[]' : '';
  if (field.kind === 'enum') {
    const item = enums.find((candidate) => candidate.name === field.type);
    return `${item ? enumOf(item).sqlType : 'text'}${list}`;
  }
  const [name, parameters] = field.nativeType ?? [null, []];
  const base = (name && nativeTypes[name]) || defaultTypes[field.type] || 'text';
  return `${base}${parameters && parameters.length > 0 ? `(${parameters.join(',')})` : ''}${list}`;
}

function relationOf(field: DMMF.Field, model: DMMF.Model, models: readonly DMMF.Model[]): RelationMeta {
  const related = models.find((candidate) => candidate.name === field.type);
  const back = related?.fields.find((other) => other.relationName === field.relationName && (related !== model || other !== field));
  const isJoined = field.isList && (back?.isList ?? false);
  const base = {
    model: field.type,
    opposite: back?.name ?? null,
    fromFields: [...(field.relationFromFields ?? [])],
    toFields: [...(field.relationToFields ?? [])],
  };
  if (!isJoined) return { ...base, kind: field.isList ? 'to-many' : 'to-one', joinTable: null, ownColumn: null, otherColumn: null };
  // An implicit many-to-many: column A belongs to the model that comes first by name (of two fields, for a self relation).
  const isFirst = related === model ? field.name < (back?.name ?? '') : model.name < field.type;
  return {
    ...base,
    kind: 'many-to-many',
    joinTable: `${quote(schemaOf(model))}.${quote(`_${field.relationName}`)}`,
    ownColumn: isFirst ? '"A"' : '"B"',
    otherColumn: isFirst ? '"B"' : '"A"',
  };
}
