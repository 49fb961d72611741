import { existsSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { projectFile } from './project-files.ts';

/** How a project looks: what is loaded after our style sheet, and what stands for our mark. */
export interface OwnLook {
  readonly styles?: readonly (string | URL)[];
  readonly logo?: string | URL;
  readonly definition?: string;
}

/** A file of the project's that browsers load. */
export interface OwnFile {
  /** Its address below `/static/`: `own/0/admin.css`. */
  readonly name: string;
  readonly file: string;
  readonly type: string;
}

export interface OwnFiles {
  readonly styles: readonly OwnFile[];
  readonly logo: OwnFile | null;
}

export const noOwnFiles: OwnFiles = Object.freeze({ styles: [], logo: null });

const pictures: Readonly<Record<string, string>> = {
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.jpg': 'image/jpeg',
};

/** The project's own style sheets and its logo, as they are found. */
export function ownFilesOf({ styles = [], logo, definition }: OwnLook): OwnFiles {
  const found = (given: string | URL, index: number, type: string): OwnFile[] => {
    const file = projectFile(given, definition);
    return file === null ? [] : [{ name: `own/${index}/${plainName(file)}`, file, type }];
  };
  return {
    styles: styles.flatMap((one, index) => found(one, index, 'text/css; charset=utf-8')),
    logo:
      logo === undefined
        ? null
        : (found(logo, styles.length, pictures[extname(String(logo)).toLowerCase()] ?? '')[0] ??
          null),
  };
}

/** An address of letters alone: what has to be encoded is no route. */
function plainName(file: string): string {
  return basename(file).replace(/[^\w.-]+/g, '_');
}

/** A sentence for what cannot be read, or is of another kind. */
export function lookProblems({ styles, logo, definition }: OwnLook): string[] {
  if (styles !== undefined && !Array.isArray(styles))
    return ["Admin, styles: must be a list of files: ['./admin.css']."];
  return [
    ...(styles ?? []).flatMap((one: unknown) => problemOf('styles', one, ['.css'])),
    ...(logo === undefined ? [] : problemOf('logo', logo, Object.keys(pictures))),
  ];

  function problemOf(option: string, given: unknown, endings: readonly string[]): string[] {
    const wrong = whyNotFile(given, endings, definition);
    return wrong === null ? [] : [`Admin, ${option}: ${wrong}`];
  }
}

function whyNotFile(
  given: unknown,
  endings: readonly string[],
  definition: string | undefined,
): string | null {
  if (typeof given !== 'string' && !(given instanceof URL)) return 'must be the path of a file.';
  const file = projectFile(given, definition);
  if (file === null) return notPlaced(given);
  if (!endings.includes(extname(file).toLowerCase()))
    return `${file} must end with ${endings.join(', ')}.`;
  if (!existsSync(file)) return `there is no file ${file}.`;
  try {
    readFileSync(file);
    return null;
  } catch {
    return `${file} cannot be read.`;
  }
}

/** What is said of a path that begins nowhere. */
export function notPlaced(given: string | URL): string {
  return `"${String(given)}" begins at the file of the admin, which is not known: say definition: import.meta.url, or new URL('${String(given)}', import.meta.url).`;
}
