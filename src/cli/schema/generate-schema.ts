import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  access,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import type { SchemaFiles } from '../../db/schema-engine.ts';
import { isPackage, ourFile, ourModule } from '../../our-files.ts';
import { packagesFolder } from './link-packages.ts';
import type { Generated } from './load-admin.ts';
import type { PreparedSchema } from './prepare-schema.ts';
import { schemaError } from './schema-error.ts';

const { resolve } = createRequire(import.meta.url);

const packageFile = '{ "type": "module" }\n';

/** Prisma's client and Bulkhead's metadata for a prepared schema, made once per content. */
export async function generateSchema(
  { files, plain }: Pick<PreparedSchema, 'files' | 'plain'>,
  folder: string,
  onGenerate: () => void,
): Promise<Generated> {
  const place = join(folder, await hashOf(files));
  const generated = { client: join(place, 'client'), metadata: join(place, 'metadata') };
  if (await exists(generated.metadata)) return generated;
  onGenerate();
  // Made elsewhere and moved: what is there is whole, also when two processes make it at once.
  await mkdir(folder, { recursive: true });
  const making = await mkdtemp(join(folder, 'making-'));
  try {
    // The generated client imports Prisma's packages from wherever it stands.
    await symlink(packagesFolder(), join(making, 'node_modules'), 'junction');
    // Whatever the project around it is.
    await writeFile(join(making, 'package.json'), packageFile);
    await generateEither(join(making, 'schema'), files, plain);
    await rename(making, place).catch(async (error: NodeJS.ErrnoException) => {
      if (!(await exists(generated.metadata))) throw error;
    });
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return generated;
}

/** Of the schema and of all that makes something of it. */
async function hashOf(files: SchemaFiles): Promise<string> {
  const digest = createHash('sha256').update(packageFile);
  const own = dirname(ourModule('metadata/generator'));
  const sources = (await readdir(own))
    .filter((name) => !/\.test\.|\.d\.ts$/.test(name))
    .map((name) => join(own, name));
  const versions = ourFile(isPackage ? 'package.json' : 'package-lock.json');
  for (const path of [versions, ...sources.sort()]) digest.update(await readFile(path));
  for (const [name, text] of files) digest.update(`\0${name}\0${text}`);
  return digest.digest('hex').slice(0, 32);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * When Prisma refuses our copy of the schema, the fault may be the copy's: asks it about the
 * project's own text, and reports only what it finds there.
 */
async function generateEither(
  schema: string,
  files: SchemaFiles,
  plain: SchemaFiles,
): Promise<void> {
  const complaints = await generateOf(schema, files);
  if (complaints === null) return;
  const own = await generateOf(schema, plain);
  if (own === null) return;
  const blamed = complaints.find((complaint) => own.includes(complaint)) ?? own[0];
  throw schemaError(sentenceOf(blamed ?? '', own.length), { complaints: own });
}

async function generateOf(schema: string, files: SchemaFiles): Promise<string[] | null> {
  for (const [name, text] of files) {
    await mkdir(dirname(join(schema, name)), { recursive: true });
    await writeFile(join(schema, name), text);
  }
  return prismaGenerate(schema);
}

/** Null when it worked, else each complaint with its place in the project's own file. */
async function prismaGenerate(schema: string): Promise<string[] | null> {
  const child = spawn(
    process.execPath,
    [
      join(dirname(resolve('prisma/package.json')), 'build/index.js'),
      'generate',
      '--schema',
      schema,
    ],
    {
      // The generator of ours is named from here.
      cwd: ourFile(),
      env: {
        ...process.env,
        // The generator runs by this name; the engine binary is asked for and never run.
        PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
        PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
        NO_COLOR: '1',
        FORCE_COLOR: '0',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
    });
  }
  const code = await new Promise<number | null>((done, fail) => {
    child.on('error', fail);
    child.on('close', done);
  });
  return code === 0 ? null : complaintsOf(text, schema);
}

function complaintsOf(text: string, schema: string): string[] {
  const plain = text.replace(/\u001b\[[\d;]*m/g, '');
  const complaints = [...plain.matchAll(/^error: (.+)\n(?:\s*-->\s+(.+?):(\d+))?/gm)].map(
    ([, what = '', file = '', line]) => {
      const name = file.split(/[\\/]schema[\\/]/).at(-1) ?? file;
      return `${line ? `${name}, line ${line}: ` : ''}${what.replace(/\.$/, '')}`.replaceAll(
        schema,
        '',
      );
    },
  );
  return complaints.length > 0 ? complaints : [plain.trim().split('\n').slice(-3).join(' ')];
}

function sentenceOf(complaint: string, count: number): string {
  const more = count > 1 ? ` (and ${count - 1} more like it)` : '';
  return `The schema cannot be used: ${complaint}${more}.`;
}
