const titlePattern = /\btest(?:\.step)?\(\s*(['"`])((?:\\.|(?!\1)[\s\S])*?)\1/g;

/** Titles of the tests in a source, as they stand there. */
export function testTitles(source: string): string[] {
  return [...source.matchAll(titlePattern)].map(([, , title = '']) => title);
}
