import type { AdminDefinition } from '../../admin-definition.ts';
import { AppError } from '../../errors.ts';
import type { Metadata } from '../../metadata/contract.ts';
import { blocksOf, fieldLines } from '../../metadata/schema-text.ts';
import { nameOf } from '../project/load-failure.ts';
import type { UserSchema } from './read-schema.ts';

/** Names of a schema's models, with those of their fields. */
function modelsOf({ files }: UserSchema): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    files.flatMap(([, text]) =>
      blocksOf(text)
        .filter(({ kind }) => kind === 'model' || kind === 'view')
        .map((block) => [block.name, new Set(fieldLines(block).map(({ name }) => name))] as const),
    ),
  );
}

/** Throws where pages are defined for models that the schema does not have. */
export function assertModels({ resources }: AdminDefinition, schema: UserSchema): void {
  const there = modelsOf(schema);
  const gone = resources.map(({ model }) => model).filter((model) => !there.has(model));
  if (gone.length === 0) return;
  throw new AppError(
    'invalid-schema',
    500,
    `The definition has pages for ${[...new Set(gone)].join(', ')}, and the schema at ${schema.path} has no such model: name the schema that the metadata is generated from.`,
  );
}

/** In a sentence, what has changed in the schema since the metadata was generated; null: nothing. */
export function changeOf({ resources }: AdminDefinition, schema: UserSchema): string | null {
  const metadata = resources[0]?.metadata;
  const change = metadata && firstChange(metadata, modelsOf(schema));
  if (!change) return null;
  return `The schema ${nameOf(schema.path)} has changed since its client and metadata were generated (${change}): npx prisma generate`;
}

function firstChange(
  { models }: Metadata,
  now: ReadonlyMap<string, ReadonlySet<string>>,
): string | null {
  for (const [model, fields] of now) {
    const known = models[model];
    // Models that nothing unique addresses are left out of the client.
    if (!known) continue;
    for (const field of fields) if (!known.fields[field]) return `${model}.${field} is new`;
    for (const field of Object.keys(known.fields))
      if (!fields.has(field)) return `${model}.${field} is gone`;
  }
  const gone = Object.keys(models).find((model) => !now.has(model));
  const added = [...now.keys()].find((model) => !models[model]);
  return gone ? `${gone} is gone` : added && gone ? `${added} is new` : null;
}
