import type { QueryResult, QueryResultRow } from 'pg';
import tag, { Sql as Fragment, join as joined, raw as rawText } from 'sql-template-tag';
import { literal } from './literal.ts';
import type { Queryable } from './transaction.ts';

/**
 * A fragment of SQL with its values. It nests in others; `statementOf` makes of it what is sent.
 */
export type Sql = Pick<Fragment, 'strings'>;

/** What is sent: SQL with its `$n` values. */
export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/**
 * SQL as it reads: a nested fragment stands as it is, all else is a value. Names, and text that is
 * SQL, go through `raw`.
 */
export const sql: (strings: readonly string[], ...values: readonly unknown[]) => Sql = tag;

export const raw: (text: string) => Sql = rawText;

export const empty: Sql = raw('');

/** Fragments one after the other; of none, nothing. */
export function join(parts: readonly Sql[], separator = ', '): Sql {
  return parts.length === 0 ? empty : joined(parts, separator);
}

/** A fragment by the texts around its values. */
export function fragmentOf(strings: readonly string[], values: readonly unknown[]): Sql {
  return new Fragment(strings, values);
}

/** The fragment with another text before its first value. */
export function withHead(fragment: Sql, head: string): Sql {
  const { strings, values } = fragment as Fragment;
  return new Fragment([head, ...strings.slice(1)], values);
}

/** A value that is sent once, wherever it stands. */
class Shared {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

/** The fragment for several places of a statement: each of its values is sent once. */
export function shared(fragment: Sql): Sql {
  const { strings, values } = fragment as Fragment;
  return new Fragment(
    strings,
    values.map((value) => (value instanceof Shared ? value : new Shared(value))),
  );
}

/** Another wording of a shared fragment: the same values in the same order, sent once for both. */
export function reworded(fragment: Sql, wording: Sql): Sql {
  return new Fragment(wording.strings, (fragment as Fragment).values);
}

/** The fragment as it is sent. Nothing else gives values their numbers. */
export function statementOf(fragment: Sql): Statement {
  const { strings, values: given } = fragment as Fragment;
  const values: unknown[] = [];
  const places = new Map<Shared, number>();
  const placeOf = (value: unknown): number => {
    if (!(value instanceof Shared)) return values.push(value);
    const place = places.get(value) ?? values.push(value.value);
    places.set(value, place);
    return place;
  };
  const rest = given.map((value, index) => `$${placeOf(value)}${strings[index + 1]}`);
  return { text: `${strings[0]}${rest.join('')}`, values };
}

/** The fragment with its values in it, for where none can be sent beside the text. */
export function inlined(fragment: Sql): string {
  const { strings, values } = fragment as Fragment;
  const rest = values.map(
    (value, index) =>
      ` ${literal(value instanceof Shared ? value.value : value)}${strings[index + 1]}`,
  );
  return `${strings[0]}${rest.join('')}`;
}

/** Sends it. */
export function query<R extends QueryResultRow = QueryResultRow>(
  client: Queryable,
  fragment: Sql,
): Promise<QueryResult<R>> {
  const { text, values } = statementOf(fragment);
  return client.query<R>(text, values);
}
