import { formatSpan } from '../format-span.ts';

/** How old what a page shows may be. */
export interface AsOf {
  text: string;
  hint: string;
}

/** What is younger is not worth a word. */
const saidFromMs = 3_000;

const asOfTexts = {
  asOf: (span: string) => `As of ${span} ago`,
  hint: 'Read from a copy of the database that follows it. What others have changed since may not be in it yet; what you have changed is.',
};

/** Null: it is as good as now. */
export function asOf(lagMs: number | null): AsOf | null {
  if (lagMs === null || lagMs < saidFromMs) return null;
  const span = formatSpan(Math.round(lagMs / 1_000) * 1_000);
  return { text: asOfTexts.asOf(span), hint: asOfTexts.hint };
}
