import type { FieldKind } from './contract.ts';
import { nullness } from './operators/empty.ts';
import { text } from './text.ts';

/** Postgres neither compares nor orders it. */
export const xml: FieldKind = {
  ...text,
  name: 'xml',
  input: 'textarea',
  isSortable: false,
  isSearchable: false,
  operators: nullness,
};
