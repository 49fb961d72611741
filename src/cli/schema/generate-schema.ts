import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { SchemaFiles } from '../../db/schema-engine.ts';
import type { Generated } from './load-admin.ts';
import { schemaError } from './schema-error.ts';

const root = join(import.meta.dirname, '../../..');

/** Prisma's client and Bulkhead's metadata for a prepared schema, made once per content. */
export async function generateSchema(files: SchemaFiles, folder: string, onGenerate: () => void): Promise<Generated> {
  const place = join(folder, await hashOf(files));
  const generated = { client: join(place, 'client'), metadata: join(place, 'metadata') };
  if (await exists(generated.metadata)) return generated;
  onGenerate();
  // Made elsewhere and moved: what is there is whole, also when two processes make it at once.
  await mkdir(folder, { recursive: true });
  const making = await mkdtemp(join(folder, 'making-'));
  try {
    for (const [name, text] of files) {
      await mkdir(dirname(join(making, 'schema', name)), { recursive: true });
      await writeFile(join(making, 'schema', name), text);
    }
    // The generated client imports Prisma's packages from wherever it stands.
    await symlink(join(root, 'node_modules'), join(making, 'node_modules'), 'junction');
    await prismaGenerate(join(making, 'schema'));
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
  const digest = createHash('sha256');
  const own = join(root, 'src/metadata');
  const sources = (await readdir(own)).filter((name) => !name.includes('.test.')).map((name) => join(own, name));
  for (const path of [join(root, 'package-lock.json'), ...sources.sort()]) digest.update(await readFile(path));
  for (const [name, text] of files) digest.update(`\0${name}\0${text}`);
  return digest.digest('hex').slice(0, 32);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function prismaGenerate(schema: string): Promise<void> {
  const child = spawn(process.execPath, [join(root, 'node_modules/prisma/build/index.js'), 'generate', '--schema', schema], {
    cwd: root,
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
  });
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
  if (code !== 0) throw schemaError(sentenceOf(text, schema), { text });
}

/** The first of Prisma's complaints, with its place in the project's own file. */
function sentenceOf(text: string, schema: string): string {
  const plain = text.replace(/\u001b\[[\d;]*m/g, '');
  const complaints = [...plain.matchAll(/^error: (.+)\n(?:\s*-->\s+(.+?):(\d+))?/gm)];
  const [first] = complaints;
  if (!first) return `Prisma could not read the schema: ${plain.trim().split('\n').slice(-3).join(' ')}`;
  const [, what = '', file = '', line] = first;
  const name = file.split(/[\\/]schema[\\/]/).at(-1) ?? file;
  const more = complaints.length > 1 ? ` (and ${complaints.length - 1} more like it)` : '';
  return `The schema cannot be used: ${line ? `${name}, line ${line}: ` : ''}${what.replace(/\.$/, '')}${more}.`.replaceAll(schema, '');
}
