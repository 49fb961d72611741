import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { didYouMean } from './nearest.ts';
import { ourFile } from './our-files.ts';

/** Templates of a folder, by their names: `records/show`. */
export type ViewFolder = ReadonlyMap<string, string>;

/** Templates of a project's own, those in place of ours among them; none where it names no folder. */
export function readViewFolder(folder: string | null): ViewFolder {
  if (folder === null || !existsSync(folder)) return new Map();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Map(
    files
      .filter((entry) => entry.isFile() && entry.name.endsWith('.eta'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [
        relative(folder, file)
          .split(sep)
          .join('/')
          .replace(/\.eta$/, ''),
        file,
      ]),
  );
}

let ours: ViewFolder | undefined;

/** Templates of ours. */
export function ourViews(): ViewFolder {
  ours ??= readViewFolder(ourFile('views'));
  return ours;
}

/**
 * What is wrong with the names of a project's templates: one that stands where ours do and is none
 * of them would be looked for by nobody.
 *
 * @param slugs of the resources
 */
export function viewFolderProblems(views: ViewFolder, slugs: readonly string[]): string[] {
  const known = [...ourViews().keys()];
  const ourFolders = new Set(known.map((name) => name.split('/')[0]));
  return [...views.keys()].flatMap((name) => {
    const [first = '', ...rest] = name.split('/');
    const at = `Admin, views: ${name}.eta`;
    const within = rest.join('/');
    if (slugs.includes(first) && rest.length > 1)
      return known.includes(within)
        ? []
        : [`${at} stands for none of ours: there is no ${within}.${didYouMean(within, known)}`];
    if (rest.length > 1 && known.includes(within))
      return [`${at}: there is no resource at /${first}.${didYouMean(first, slugs)}`];
    if (rest.length === 1 && ourFolders.has(first) && !known.includes(name))
      return [
        `${at} stands for none of ours.${didYouMean(name, known)} Templates of your own have folders of their own.`,
      ];
    return [];
  });
}
