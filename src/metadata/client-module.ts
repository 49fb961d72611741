import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { GeneratorConfig } from '@prisma/generator-helper';

/**
 * From where a file in `folder` imports the Prisma client that another generator of the schema
 * makes; null where none does.
 *
 * @param ending of imports, where the generator of the metadata was given one: `ts`, `js`, none
 */
export function clientModule(
  generators: readonly GeneratorConfig[],
  folder: string,
  ending: string | undefined,
): string | null {
  const client = generators.find(({ provider }) =>
    /^prisma-client(-js)?$/.test(provider.value ?? ''),
  );
  if (!client) return null;
  const output = client.output?.value;
  if (client.provider.value === 'prisma-client-js') {
    // Compiled, and in the packages of the project where nothing else is said.
    if (!output || !client.isCustomOutput) return '@prisma/client';
    return `${pathTo(folder, output)}/index.js`;
  }
  if (!output) return null;
  const file = oneOf(client.config.generatedFileExtension) ?? 'ts';
  const given = ending ?? oneOf(client.config.importFileExtension) ?? endingIn(folder, file);
  return `${pathTo(folder, output)}/client${given === '' ? '' : `.${given}`}`;
}

function pathTo(folder: string, output: string): string {
  const path = relative(folder, output).split(sep).join('/');
  return path.startsWith('.') ? path : `./${path}`;
}

function oneOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** As Prisma's own generator chooses it, by the `tsconfig.json` that is nearest. */
function endingIn(folder: string, file: string): string {
  const compiler = compilerOptions(folder);
  if (
    compiler === '' ||
    /"(allowImportingTs|rewriteRelativeImport)Extensions"\s*:\s*true/.test(compiler)
  )
    return file;
  if (/"moduleResolution"\s*:\s*"bundler"|"module"\s*:\s*"commonjs"/i.test(compiler)) return '';
  return file.replace('t', 'j');
}

/** Text of the settings, with that of what they extend. */
function compilerOptions(folder: string): string {
  const file = join(folder, 'tsconfig.json');
  if (existsSync(file)) return textOf(file);
  const above = dirname(folder);
  return above === folder ? '' : compilerOptions(above);
}

function textOf(file: string, depth = 0): string {
  if (!existsSync(file) || depth > 5) return '';
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const extended = [...text.matchAll(/"extends"\s*:\s*"(\.[^"]+)"/g)].map(([, path = '']) =>
    resolve(dirname(file), path.endsWith('.json') ? path : `${path}.json`),
  );
  return [text, ...extended.map((path) => textOf(path, depth + 1))].join('\n');
}
