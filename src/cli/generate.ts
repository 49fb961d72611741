import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { isPackage, ourFile } from '../our-files.ts';
import { say } from './command.ts';
import { keptFound } from './database/open-found.ts';
import { openSchema } from './open-admin.ts';
import { typedPath } from './project/typed-path.ts';
import { linkPackages } from './schema/link-packages.ts';

export const ownOutput = 'generated/own';

interface Generate {
  schema?: string;
  /** Given where there is no schema: that of this database is found. */
  database?: string;
  output?: string;
}

async function ofSchema(path: string, config: Config) {
  const { schema, generated } = await openSchema(path, config);
  const source = `{ path: ${JSON.stringify(schema.path)}, copy: \`\${import.meta.dirname}/../schema\` }`;
  return { files: schema.files, generated, head: `source: ${source},` };
}

/**
 * Prisma's client and Bulkhead's metadata where a project's own code imports them, with a copy of
 * the schema that they are of.
 */
export async function generateOwn(
  { schema: path, database, output: given = ownOutput }: Generate,
  config: Config,
): Promise<{ output: string }> {
  if (!path && database === undefined)
    throw new AppError('usage', 500, '--schema PATH is missing, or --database URL. See --help.');
  const output =
    given === ownOutput ? resolve(isPackage ? process.cwd() : ourFile(), given) : typedPath(given);
  const { files, generated, head } = path
    ? await ofSchema(path, config)
    : await keptFound(config, (text) => console.log(text));
  for (const part of ['client', 'metadata', 'schema'])
    await rm(join(output, part), { recursive: true, force: true });
  for (const part of ['client', 'metadata'] as const)
    await cp(generated[part], join(output, part), { recursive: true });
  for (const [name, text] of files) {
    await mkdir(dirname(join(output, 'schema', name)), { recursive: true });
    await writeFile(join(output, 'schema', name), text);
  }
  // Whatever the project is written in: what is generated says by `import.meta` where it stands. In the
  // repository it finds us by our own name.
  if (isPackage) await writeFile(join(output, 'package.json'), '{ "type": "module" }\n');
  await linkPackages(output);
  const file = join(output, 'metadata/metadata.ts');
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.replace(/^(export const metadata: .* = \{)$/m, (_, begin: string) => `${begin}\n ${head}`),
  );
  say(`${relative(typedPath(), output) || output} holds the client and the metadata.`);
  return { output };
}
