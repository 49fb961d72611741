import pg from 'pg';
import { arrayText } from './array-text.ts';

/** A value as it stands in SQL; where it stands decides its type. */
export function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return pg.escapeLiteral(arrayText(value));
  return pg.escapeLiteral(String(value));
}
