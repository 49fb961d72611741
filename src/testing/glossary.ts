import { readTexts } from './read-texts.ts';

interface Word {
  word: string;
  /** What is said instead of it, and is not to be. */
  not: readonly string[];
  /** What no name is made of; in a sentence it may stand. */
  notInNames: readonly string[];
}

const house = 'docs/architecture.md';

/** The words of the house, from its page; one in code signs is banned in names alone. */
export async function readGlossary(): Promise<Word[]> {
  const text = (await readTexts(house)).get(house) ?? '';
  const [, table = ''] = /^## Words\n([^#]+)/m.exec(text) ?? [];
  const rows = [...table.matchAll(/^\| (?!word |---)(.+?) \| .+? \| ?(.*?) ?\|$/gm)];
  return rows.map(([, word = '', others = '']) => {
    const all = others.split(', ').filter(Boolean);
    return {
      word,
      not: all.filter((other) => !other.startsWith('`')),
      notInNames: all.flatMap((other) => (other.startsWith('`') ? [other.slice(1, -1)] : [])),
    };
  });
}

/** A word, and what it may be in the plural: `boxes`, `families`. */
export function pluralsOf(word: string): string[] {
  return [word, `${word}s`, `${word}es`, word.replace(/y$/, 'ies')];
}
