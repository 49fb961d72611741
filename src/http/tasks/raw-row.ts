import type { RawRow } from '../../tasks/looking/raw-row.ts';
import type { Url } from '../url.ts';
import { followUpTexts } from './follow-ups-texts.ts';
import { rawRowTexts } from './raw-row-texts.ts';

export interface RawRowData {
  title: string;
  note: string;
  keptBack: string;
  back: { href: string; label: string };
  lines: readonly { column: string; value: string }[];
  words: { column: string; value: string };
}

export function rawRowData(id: number, { columns, keptBack }: RawRow, url: Url): RawRowData {
  return {
    title: rawRowTexts.heading(id),
    note: rawRowTexts.note,
    keptBack: rawRowTexts.keptBack(keptBack),
    back: { href: url(`/tasks/${id}`), label: followUpTexts.backToTask(id) },
    lines: Object.entries(columns).map(([column, value]) => ({
      column,
      value: typeof value === 'string' ? value : JSON.stringify(value, null, 2),
    })),
    words: { column: rawRowTexts.column, value: rawRowTexts.value },
  };
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/row': RawRowData;
  }
}
