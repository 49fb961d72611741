import { spawn } from 'node:child_process';
import { glob, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Eta } from 'eta';
import { iconFile } from '../src/icon-names.ts';

export interface Template {
  /** Its name for `include`: `/list/_table`. */
  path: string;
  file: string;
  text: string;
}

export interface Remark {
  file: string;
  line: number;
  text: string;
}

const root = join(import.meta.dirname, '..');
const eta = new Eta({ debug: true });
/**
 * A template's first line says the type of its data, and after a full stop what else there is to
 * say.
 */
const typeOfData = /^<% \/\* it: ([\s\S]+?)(?:\.\s[\s\S]*?)?\.? ?\*\//;

/**
 * Has the compiler read each template of a folder as a function of its data, and what it gives to
 * others.
 */
export async function checkTemplates(
  folder = join(root, 'views'),
): Promise<{ count: number; remarks: Remark[] }> {
  const templates = await readTemplates(folder);
  const count = templates.length;
  const untyped = templates.filter(({ text }) => !typeOfData.test(text));
  const text = 'The first line must say the type of its data: <% /* it: TYPE */ %>';
  if (untyped.length > 0)
    return { count, remarks: untyped.map(({ file }) => ({ file, line: 1, text })) };
  await mkdir(join(root, 'generated'), { recursive: true });
  const place = await mkdtemp(join(root, 'generated/templates-'));
  try {
    const options = {
      extends: '../../tsconfig.json',
      include: ['*.ts', '../../src/app.ts'],
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    };
    await writeFile(join(place, 'tsconfig.json'), JSON.stringify(options));
    await writeFile(join(place, 'data.ts'), await dataOf(templates));
    await Promise.all(
      templates.map((template, index) =>
        writeFile(join(place, `${index}.ts`), functionOf(template)),
      ),
    );
    return { count, remarks: remarksIn(await compile(place), relative(root, place), templates) };
  } finally {
    await rm(place, { recursive: true });
  }
}

export async function readTemplates(folder = join(root, 'views')): Promise<Template[]> {
  const found: Template[] = [];
  for await (const file of glob('**/*.eta', { cwd: folder })) {
    const text = await readFile(join(folder, file), 'utf8');
    found.push({
      path: `/${file.replace(/\.eta$/, '')}`,
      file: relative(root, join(folder, file)),
      text,
    });
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * The types of all templates, a line each; then, a line each, that what `reply.page` sends is of
 * that type; then that no page is without one.
 */
async function dataOf(templates: readonly Template[]): Promise<string> {
  const names = templates.map(({ path }) => path.slice(1));
  const sent = (name: string) => `Sent<'${name}'> | Sent<'${name.replace('/_', '/')}'>`;
  return [
    'export interface Templates {',
    ...templates.map((template) => `'${template.path}': ${typeOf(template)};`),
    '}',
    ...names.map(
      (name, index) =>
        `export const sent${index} = (data: ${sent(name)}): Templates['/${name}'] => data;`,
    ),
    `export const pages = (known: Record<${names.map((name) => `'${name}'`).join(' | ')}, 0>): Record<keyof Pages, 0> => known;`,
    `export type IconName = ${(await iconNames()).map((name) => `'${name}'`).join(' | ')};`,
    "import type { Sent } from '../../scripts/template-types.ts';",
    "import type { Pages } from '../../src/http/pages.ts';",
    ...(await importsOf(templates)),
  ].join('\n');
}

/** Names of all icons that there are. */
async function iconNames(): Promise<string[]> {
  const files = await readdir(dirname(iconFile('x')));
  return files.flatMap((file) => (file.endsWith('.svg') ? [file.slice(0, -'.svg'.length)] : []));
}

function typeOf({ text }: Template): string {
  return (typeOfData.exec(text)?.[1] ?? 'never').replaceAll(/\s+/g, ' ');
}

/**
 * The types that templates name, from where `src/http` exports them; and every file that adds to
 * `Pages`.
 */
async function importsOf(templates: readonly Template[]): Promise<string[]> {
  const lines: string[] = [];
  const named = new Set(
    templates.flatMap((template) => typeOf(template).match(/\b[A-Z]\w+/g) ?? []),
  );
  for await (const file of glob('src/http/**/*.ts', { cwd: root })) {
    const text = await readFile(join(root, file), 'utf8');
    const names = [...text.matchAll(/^export (?:interface|type) (\w+)/gm)].flatMap(
      ([, name = '']) => (named.has(name) ? [name] : []),
    );
    if (names.length > 0 || text.includes('interface Pages {'))
      lines.push(`import type { ${names.join(', ')} } from '../../${file}';`);
  }
  return lines;
}

/** A template as a function, each tag on the line that it has in the template. */
function functionOf({ path, text }: Template): string {
  let code =
    "import type { Include, ShowIcon } from '../../scripts/template-types.ts'; " +
    "import type { CommonData } from '../../src/http/pages.ts'; import type { SiteUrl } from '../../src/http/url.ts'; " +
    `import type { IconName, Templates } from './data.ts'; type It = Templates['${path}'] & CommonData; export const template = ` +
    '(it: It, include: Include<Templates, It>, ICON: ShowIcon<IconName>, URL: SiteUrl, ' +
    'print: (text: string | number) => void, raw: (html: string) => void) => { ';
  let line = 1;
  for (const tag of eta.parse(text)) {
    if (typeof tag === 'string') continue;
    const lineOfTag = tag.lineNo ?? line;
    code += '\n'.repeat(lineOfTag - line);
    code += tag.t === 'e' ? `${tag.val}; ` : `${tag.t === 'i' ? 'print' : 'raw'}(${tag.val}); `;
    line = lineOfTag + tag.val.split('\n').length - 1;
  }
  return `${code}};\n`;
}

function compile(place: string): Promise<string> {
  return new Promise((done, fail) => {
    let output = '';
    const child = spawn(join(root, 'node_modules/.bin/tsc'), ['-p', place, '--pretty', 'false'], {
      cwd: root,
    });
    child.stdout.on('data', (text) => (output += text));
    child.on('error', fail);
    child.on('close', () => done(output));
  });
}

/** What the compiler said, at the places of the templates. */
function remarksIn(output: string, place: string, templates: readonly Template[]): Remark[] {
  const said = output.split(/\n(?=\S)/).filter((text) => text.trim() !== '');
  return said.map((whole) => {
    const [, file = '', at = '0', text = whole] =
      /^(\S+?)\((\d+),\d+\): \w+ ([\s\S]*)$/.exec(whole.trimEnd()) ?? [];
    const line = Number(at);
    if (!file.startsWith(`${place}/`)) return { file, line, text };
    const name = file.slice(place.length + 1, -'.ts'.length);
    if (name !== 'data') return { file: templates[Number(name)]?.file ?? file, line, text };
    // Both lists of `data.ts` are as long as there are templates, with a line between them.
    return {
      file: templates[(line - 2) % (templates.length + 1)]?.file ?? 'src/http/pages.ts',
      line: 1,
      text,
    };
  });
}

/** Whether there are none. */
export function sayRemarks({
  count,
  remarks,
}: Awaited<ReturnType<typeof checkTemplates>>): boolean {
  for (const { file, line, text } of remarks) console.log(`${file}:${line}: ${text}`);
  console.log(`${count} templates, ${remarks.length} remarks`);
  return remarks.length === 0;
}
