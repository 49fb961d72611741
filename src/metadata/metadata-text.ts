import type { FieldMeta, Metadata, ModelMeta, ScalarType } from './contract.ts';

/** Where the project's client is imported from, as it is written in the file. */
export interface ClientModule {
  readonly from: string;
}

/** Names that the file has of its own, or reads as the language has them. */
const taken = ['Metadata', 'Models', 'Prisma', 'Date', 'Uint8Array', 'metadata'];

const scalarTypes: Readonly<Record<ScalarType, string>> = {
  String: 'string',
  Int: 'number',
  BigInt: 'bigint',
  Float: 'number',
  Decimal: 'Prisma.Decimal',
  Boolean: 'boolean',
  DateTime: 'Date',
  Json: 'unknown',
  Bytes: 'Uint8Array',
};

/**
 * The file that the generator writes. Its types have names, so that what an editor shows and what
 * the compiler says is short.
 */
export function metadataText(metadata: Metadata, { from }: ClientModule): string {
  const models = Object.values(metadata.models);
  const names = namesOf(models.map(({ name }) => name));
  const types = models.map((model) => typesText(model, metadata, names));
  const list = models.map(({ name }) => `  ${name}: ${names.get(name)?.model};\n`);
  return `// Written by Bulkhead's Prisma generator. Do not edit.
import type { Metadata } from 'bulkhead';
import type { Prisma } from '${from}';

${types.join('\n')}
/** What the compiler knows of each model. */
export interface Models {
${list.join('')}}

export const metadata: Metadata<Models> = ${literal(metadata)};
`;
}

/** The compiler takes a key that every object has, `constructor`, for that. */
function literal(metadata: Metadata): string {
  const inherited = Object.getOwnPropertyNames(Object.prototype).join('|');
  return JSON.stringify(metadata, null, 1).replace(
    new RegExp(`^(\\s+)"(?:${inherited})": \\{\\n[\\s\\S]*?\\n\\1\\}`, 'gm'),
    '$& as const',
  );
}

type Parts = Readonly<Record<'model' | 'Field' | 'Key' | 'Related' | 'Record' | 'Draft', string>>;

/** A model may be called as a part of another is: each name is there once. */
function namesOf(models: readonly string[]): ReadonlyMap<string, Parts> {
  const used = new Set(taken);
  const free = (wanted: string): string => {
    let name = wanted;
    while (used.has(name)) name += '_';
    used.add(name);
    return name;
  };
  const own = models.map((name) => [name, free(name)] as const);
  return new Map(
    own.map(([name, model]) => [
      name,
      {
        model,
        Field: free(`${name}Field`),
        Key: free(`${name}Key`),
        Related: free(`${name}Related`),
        Record: free(`${name}Record`),
        Draft: free(`${name}Draft`),
      },
    ]),
  );
}

function typesText(
  model: ModelMeta,
  metadata: Metadata,
  names: ReadonlyMap<string, Parts>,
): string {
  const { model: name, ...parts } = names.get(model.name) as Parts;
  const fields = Object.values(model.fields);
  const columns = fields.filter(({ column }) => column !== null);
  const line = (field: FieldMeta, mark: string) =>
    `  ${field.name}${mark}: ${valueType(field, metadata)};\n`;
  return `export type ${parts.Field} = ${union(fields.filter(isNoKey).map((field) => field.name))};
export type ${parts.Key} = ${union(fields.filter((field) => !isNoKey(field)).map((field) => field.name))};
export type ${parts.Related} = ${union(relatedNames(fields, metadata))};
export interface ${parts.Record} {
${columns.map((field) => line(field, '')).join('')}}
export interface ${parts.Draft} {
${columns.map((field) => line(field, isFilled(field) ? '?' : '')).join('')}}
export interface ${name} {
  field: ${parts.Field};
  key: ${parts.Key};
  related: ${parts.Related};
  record: ${parts.Record};
  draft: ${parts.Draft};
  where: Prisma.${model.name}WhereInput;
}
`;
}

function union(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(' | ') || 'never';
}

/** A foreign key of one column is called by its relation. */
function isNoKey({ foreignKeyOf }: FieldMeta): boolean {
  return foreignKeyOf === null;
}

/** `country.region`: columns of the record that a to-one relation points at. */
function relatedNames(fields: readonly FieldMeta[], { models }: Metadata): string[] {
  return fields.flatMap(({ name, relation }) =>
    relation?.kind === 'to-one'
      ? Object.values(models[relation.model]?.fields ?? {})
          .filter((field) => field.column !== null && isNoKey(field))
          .map((field) => `${name}.${field.name}`)
      : [],
  );
}

/** Not known before the database has written the row: ids it makes, `now()`, `@updatedAt`. */
function isFilled({ default: given, isUpdatedAt }: FieldMeta): boolean {
  return isUpdatedAt || (typeof given === 'object' && given !== null && 'name' in given);
}

function valueType({ kind, type, isList, isRequired }: FieldMeta, { enums }: Metadata): string {
  const single =
    kind === 'enum'
      ? union((enums[type]?.values ?? []).map(({ name }) => name))
      : (scalarTypes[type as ScalarType] ?? 'unknown');
  if (isList) return `${single.includes('|') ? `(${single})` : single}[]`;
  return isRequired || single === 'unknown' ? single : `${single} | null`;
}
