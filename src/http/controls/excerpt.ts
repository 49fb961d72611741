/**
 * Characters of a long text that are shown, and how many of them stand before what is different.
 */
const shown = 200;
const lead = 40;

export interface BeforeAfter {
  before: string;
  /** Null: it stays as it is. */
  after: string | null;
}

/**
 * Long texts about the place where they begin to differ; of one that stays as it is, its beginning.
 */
export function excerpt({ before, after }: BeforeAfter): BeforeAfter {
  const start = Math.max(0, firstDifference(before, after ?? before) - lead);
  const cut = (text: string) => {
    if (text.length <= shown) return text;
    const part = text.slice(start, start + shown).toWellFormed();
    return `${start > 0 ? '…' : ''}${part}${start + shown < text.length ? '…' : ''}`;
  };
  return { before: cut(before), after: after === null ? null : cut(after) };
}

function firstDifference(one: string, other: string): number {
  if (one === other) return 0;
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at;
}
