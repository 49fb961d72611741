import { dirname, join, relative, resolve, sep } from 'node:path';
import { type Block, blocksOf } from '../../metadata/schema-text.ts';
import type { UserSchema } from '../schema/read-schema.ts';
import { schemaError } from '../schema/schema-error.ts';

/** The generator of the project's own client. */
export interface ClientGenerator {
  readonly file: string;
  readonly block: Block;
  /** What the client is imported from: a path without its ending, or a package. */
  readonly module: string;
  /** Where it is written; null: among the packages. */
  readonly output: string | null;
  /** Whether its engine is the one without a binary, as of Prisma 6 it has to be said. */
  readonly isEngineless: boolean;
}

/** The generator of ours, there or to be added. */
export interface OwnGenerator {
  /** The schema's file that it is in. */
  readonly file: string;
  readonly name: string;
  /** Where it writes. */
  readonly folder: string;
  readonly isThere: boolean;
  /** Behind which it is added, as a position in the text. */
  readonly after: number;
}

interface Located {
  readonly file: string;
  readonly block: Block;
}

const provider = 'bulkhead-metadata';

function generatorsOf({ path, files }: UserSchema): Located[] {
  return files.flatMap(([name, text]) =>
    blocksOf(text)
      .filter(({ kind }) => kind === 'generator')
      .map((block) => ({
        file: files.length === 1 && path.endsWith('.prisma') ? path : join(path, name),
        block,
      })),
  );
}

/** Throws where the schema makes no client that code can import. */
export function clientOf(schema: UserSchema): ClientGenerator {
  const found = generatorsOf(schema).find(({ block }) =>
    /^prisma-client(-js)?$/.test(settingOf(block, 'provider') ?? ''),
  );
  if (!found)
    throw schemaError(
      'The schema has no generator of a client: add generator client { provider = "prisma-client"  output = "../generated/prisma" }.',
    );
  const { file, block } = found;
  const given = settingOf(block, 'output');
  const output = given === null ? null : resolve(dirname(file), given);
  const isOld = settingOf(block, 'provider') === 'prisma-client-js';
  if (!isOld && output === null)
    throw schemaError(
      `The generator ${block.name} of the client names no output: add output = "../generated/prisma".`,
    );
  return {
    file,
    block,
    output,
    module: output === null ? '@prisma/client' : join(output, isOld ? 'index' : 'client'),
    isEngineless: settingOf(block, 'engineType') === 'client',
  };
}

/** Ours, if the schema has it; else how it is to be, beside the client. */
export function ownGeneratorOf(schema: UserSchema, client: ClientGenerator): OwnGenerator {
  const all = generatorsOf(schema);
  const there = all.find(({ block }) => (settingOf(block, 'provider') ?? '').includes(provider));
  const { file, block } = there ?? client;
  const name = all.some((one) => one.block.name === 'bulkhead') ? 'bulkheadMetadata' : 'bulkhead';
  const beside =
    client.output === null
      ? resolve(dirname(file), '../generated/bulkhead')
      : join(dirname(client.output), 'bulkhead');
  const given = there && settingOf(there.block, 'output');
  return {
    file,
    name: there ? block.name : name,
    folder: there ? resolve(dirname(file), given ?? '../generated/bulkhead') : beside,
    isThere: there !== undefined,
    after: block.end,
  };
}

/** The text of a schema's file with our generator in it, and all else as it was. */
export function generatorText(text: string, { name, file, folder, after }: OwnGenerator): string {
  const output = relative(dirname(file), folder).split(sep).join('/');
  const path = output.startsWith('.') ? output : `./${output}`;
  const lines = [
    `generator ${name} {`,
    `  provider = "${provider}"`,
    `  output   = "${path}"`,
    '}',
  ];
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  return `${text.slice(0, after)}${end}${end}${lines.join(end)}${text.slice(after)}`;
}

function settingOf({ body }: Block, name: string): string | null {
  return new RegExp(`(?:^|\\n)\\s*${name}\\s*=\\s*"([^"\\n]*)"`).exec(body)?.[1] ?? null;
}
