import { testTitles } from './test-titles.ts';

/** A test as a page of the docs names it. */
export interface NamedTest {
  /** Its path from the root. */
  file: string;
  title: string;
}

/** Files that a page may name tests of. */
export const testFiles = '{src,scripts,e2e,bench}/**/*.{test,spec}.ts';

/** The tests of a cell, with `<br>` between; throws where it holds something else. */
export function readNamedTests(cell: string): NamedTest[] {
  return cell.split('<br>').flatMap((one) => {
    const [, file = '', title = ''] = /^\[[^\]]+\]\(\.\.\/([^)]+)\) › (.+)$/.exec(one) ?? [];
    if (!file && one !== '') throw new Error(`"${one}" is no file › title`);
    return file ? [{ file, title }] : [];
  });
}

/** Those that are not there, each in a sentence. `texts` are the files by their paths. */
export function findLost(
  tests: readonly NamedTest[],
  texts: ReadonlyMap<string, string>,
): string[] {
  return tests
    .filter(({ file, title }) => !testTitles(texts.get(file) ?? '').includes(title))
    .map(({ file, title }) => `${file} has no test "${title}"`);
}
