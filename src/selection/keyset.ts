import { join, raw, type Sql, shared, sql } from '../db/sql.ts';

/** One of the values that records are ordered by, as SQL. */
export interface OrderKey {
  /** An expression without parameters. */
  sql: string;
  /** What a cursor's text is cast to. */
  type: string;
  isDescending: boolean;
  isNullable: boolean;
}

/**
 * Where a page begins: the order's values of the record it comes after or before, which need not
 * exist any more; null is null.
 */
export interface Place {
  direction: 'after' | 'before';
  /** Null: at the very beginning, or before the very end. */
  values: readonly (string | null)[] | null;
}

/** A part of the records that an index can give in order. Parts follow each other. */
export interface Piece {
  conditions: readonly Sql[];
  /** Empty: nothing is left to order by. */
  orderBy: string;
}

interface Step extends OrderKey {
  /** Nulls come last, so they come first when read backwards. */
  isNullFirst: boolean;
}

/**
 * Cuts the records that follow a place into pieces. Nulls come last in either direction, which no
 * index gives for a descending order: so the records without a first value are a piece of their
 * own. Read backwards for `before`.
 */
export function piecesOf(keys: readonly OrderKey[], place: Place): Piece[] {
  const isBackward = place.direction === 'before';
  const steps = stepsOf(keys, place.direction);
  const [first, ...rest] = steps;
  if (!first) return [{ conditions: [], orderBy: '' }];
  if (!first.isNullable) return [pieceOf(steps, place.values, [])];
  const known = { ...first, isNullable: false };
  const valued = (values: Place['values']) =>
    pieceOf([known, ...rest], values, [raw(`${first.sql} is not null`)]);
  const empty = (values: Place['values']) => pieceOf(rest, values, [raw(`${first.sql} is null`)]);
  if (!place.values) return isBackward ? [empty(null), valued(null)] : [valued(null), empty(null)];
  const [value, ...others] = place.values;
  if (value === null) return isBackward ? [empty(others), valued(null)] : [empty(others)];
  return isBackward ? [valued(place.values)] : [valued(place.values), empty(null)];
}

/** The same order over all the pieces; empty where there is nothing to order by. */
export function orderText(keys: readonly OrderKey[], direction: Place['direction']): string {
  return stepsOf(keys, direction).map(orderOf).join(', ');
}

function stepsOf(keys: readonly OrderKey[], direction: Place['direction']): Step[] {
  const isBackward = direction === 'before';
  return keys.map((key) => ({
    ...key,
    isDescending: key.isDescending !== isBackward,
    isNullFirst: isBackward,
  }));
}

function pieceOf(
  steps: readonly Step[],
  values: Place['values'],
  conditions: readonly Sql[],
): Piece {
  const orderBy = steps.map(orderOf).join(', ');
  if (!values || steps.length === 0) return { conditions, orderBy };
  const bound = steps.map((step, index) => {
    const value = values[index] ?? null;
    return value === null ? null : shared(sql`${value}::text::${raw(step.type)}`);
  });
  return { conditions: [...conditions, ...following(steps, bound)], orderBy };
}

function orderOf({ sql, isDescending, isNullable, isNullFirst }: Step): string {
  return `${sql} ${isDescending ? 'desc' : 'asc'}${isNullable ? ` nulls ${isNullFirst ? 'first' : 'last'}` : ''}`;
}

/** Conditions of the records that follow the bound values (null: null). */
function following(steps: readonly Step[], bound: readonly (Sql | null)[]): Sql[] {
  const [first] = steps as [Step];
  const sign = raw(first.isDescending ? '<' : '>');
  // One comparison of rows is what an index over these columns, or over the first of them, answers
  // at once.
  if (steps.every((step) => !step.isNullable && step.isDescending === first.isDescending)) {
    return [
      sql`(${raw(steps.map((step) => step.sql).join(', '))}) ${sign} (${join(bound.map((value) => value ?? raw('null')))})`,
    ];
  }
  const alternatives = steps.map((step, index) =>
    join(
      [
        ...steps.slice(0, index).map((earlier, at) => equals(earlier, bound[at] ?? null)),
        isPast(step, bound[index] ?? null),
      ],
      ' and ',
    ),
  );
  const either = sql`(${join(
    alternatives.map((one) => sql`(${one})`),
    ' or ',
  )})`;
  // Said once more so that an index can begin there.
  return first.isNullable
    ? [either]
    : [sql`${raw(first.sql)} ${sign}= ${bound[0] ?? raw('null')}`, either];
}

function equals(step: Step, bound: Sql | null): Sql {
  return bound === null ? raw(`${step.sql} is null`) : sql`${raw(step.sql)} = ${bound}`;
}

function isPast(
  { sql: held, isDescending, isNullable, isNullFirst }: Step,
  bound: Sql | null,
): Sql {
  if (bound === null) return raw(isNullFirst ? `${held} is not null` : 'false');
  const past = sql`${raw(`${held} ${isDescending ? '<' : '>'}`)} ${bound}`;
  return isNullable && !isNullFirst ? sql`(${past} or ${raw(held)} is null)` : past;
}
