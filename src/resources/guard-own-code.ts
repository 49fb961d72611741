import { AppError } from '../errors.ts';
import { cellError } from '../fields/cell-error.ts';
import type { Cell, FilterOperator, KindView, Parsed } from '../fields/contract.ts';
import { isPlainObject } from '../fields/plain-value.ts';
import type { ComputedValue, ResourceField } from './contract.ts';
import type { OperationDefinition } from './define-operation.ts';
import type { OnUnreadable } from './grants.ts';
import type { OperationOptions } from './operation-options.ts';

/**
 * Calls the project's own code for one value; what it throws is told, once for each column and
 * reason, and `instead` is the answer.
 */
export type Guard = <T>(label: string, what: string, ask: () => T, instead: T) => T;

/** Reasons that are remembered; a code that throws another one each time is told no longer. */
const maxMessages = 200;

export function guardOf(resource: string, onUnreadable: OnUnreadable): Guard {
  const reported = new Set<string>();
  return (label, what, ask, instead) => {
    try {
      return ask();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const sentence = `${resource}: ${what} of “${label}” failed, so an error stands in its place`;
      if (!reported.has(sentence) && reported.size < maxMessages) {
        reported.add(sentence);
        onUnreadable(sentence, { resource, column: label, what, why });
      }
      return instead;
    }
  };
}

/**
 * The field with its own `format`, `link` and kind guarded: one value that throws takes no page
 * away.
 */
export function guardField(field: ResourceField, guard: Guard): ResourceField {
  const { label, format, link, kind } = field;
  if (!format && !link && !kind) return field;
  const error = cellError(label);
  const failed: Cell = { text: error, align: 'start' };
  const view = <Shown>(what: string, { view: address, data }: KindView<Shown>): KindView<Shown> =>
    data
      ? { view: address, data: (shown) => guard(label, what, () => data(shown), {}) }
      : { view: address };
  return Object.freeze<ResourceField>({
    ...field,
    format: format && ((value) => guard(label, 'format', () => textOf(format(value)), error)),
    link: link && ((value) => guard(label, 'link', () => link(value), null)),
    kind:
      kind &&
      Object.create(kind, {
        format: {
          value: (...given: Parameters<typeof kind.format>) =>
            guard(
              label,
              'kind.format',
              () => {
                const cell = kind.format(...given);
                return { ...cell, text: textOf(cell.text) };
              },
              failed,
            ),
        },
        ...(kind.control && { control: { value: view('kind.control.data', kind.control) } }),
        ...(kind.cell && { cell: { value: view('kind.cell.data', kind.cell) } }),
        // The control shows nothing, and what is not touched is not written.
        toForm: {
          value: (...given: Parameters<typeof kind.toForm>) =>
            guard<string | string[]>(label, 'kind.toForm', () => kind.toForm(...given), ''),
        },
        parse: {
          value: (...given: Parameters<typeof kind.parse>) =>
            guard<Parsed>(label, 'kind.parse', () => parsedOf(kind.parse(...given)), {
              error: `${label} cannot be read. The log has the details.`,
            }),
        },
        operators: {
          value: (of: ResourceField) =>
            guard(label, 'kind.operators', () => kind.operators(of), []).map((operator) =>
              guardOperator(label, operator, guard),
            ),
        },
      }),
  });
}

function guardOperator(label: string, operator: FilterOperator, guard: Guard): FilterOperator {
  const { name, words, where } = operator;
  const what = `kind.operators.${name}`;
  const failed = { error: `${label} cannot be compared by “${operator.label}”.` };
  return {
    ...operator,
    where: (...given) =>
      guard<Parsed<Record<string, unknown>>>(
        label,
        `${what}.where`,
        () => {
          const made = parsedOf(where.call(operator, ...given));
          // An empty one would match every record.
          if ('value' in made && !isCondition(made.value)) throw new Error('it gives no condition');
          return made;
        },
        failed,
      ),
    ...(words && {
      words: (...given) =>
        guard(label, `${what}.words`, () => words.call(operator, ...given), null),
    }),
  };
}

function isCondition(value: unknown): boolean {
  return isPlainObject(value) && Object.keys(value).length > 0;
}

function parsedOf<T>(made: Parsed<T>): Parsed<T> {
  const given: unknown = made;
  ignore(given);
  if (!isPlainObject(given) || !('value' in given || typeof given.error === 'string'))
    throw new Error('it gives neither { value } nor { error } with a sentence');
  return made;
}

export function guardComputed(
  label: string,
  { needs, value, link }: ComputedValue,
  guard: Guard,
): ComputedValue {
  return {
    needs,
    value: (record) =>
      guard<string | number | bigint | null>(
        label,
        'computed.value',
        () => {
          const made: unknown = value(record);
          return typeof made === 'number' ||
            typeof made === 'bigint' ||
            made === null ||
            made === undefined
            ? (made ?? null)
            : textOf(made);
        },
        cellError(label),
      ),
    link: (record) => guard(label, 'computed.link', () => link(record), null),
  };
}

/**
 * The operation with what it is asked before it begins guarded: who may, and the values that it
 * gives.
 */
export function guardOperation(
  definition: OperationDefinition,
  resource: string,
  onUnreadable: OnUnreadable,
): OperationDefinition {
  const { options } = definition;
  const { name, label, allowed, change } = options ?? {};
  const tell = (what: string, why: unknown) =>
    onUnreadable(`${resource}: ${what}`, {
      resource,
      rule: `operations.${name}`,
      why: why instanceof Error ? why.message : String(why),
    });
  const isAllowed: OperationOptions['allowed'] = (principal) => {
    try {
      const answer: unknown = allowed?.(principal);
      if (typeof answer === 'boolean') return answer;
      ignore(answer);
      tell(`the answer of allowed of “${label}” cannot be used, so it grants nothing`, notYesOrNo);
    } catch (error) {
      tell(`allowed of “${label}” failed, so it grants nothing`, error);
    }
    return false;
  };
  const changing: OperationOptions['change'] = (context) => {
    try {
      return change?.(context) as Record<string, unknown>;
    } catch (error) {
      const isSaid = error instanceof AppError;
      if (!isSaid) tell(`change of “${label}” failed, so nothing was begun`, error);
      const message = isSaid
        ? error.message
        : `The change rule of “${label}” failed. The log has the details. Nothing was changed.`;
      throw new AppError('invalid-operation', 422, message, { fieldErrors: {} });
    }
  };
  return Object.freeze({
    ...definition,
    options: Object.freeze({
      ...options,
      ...(allowed && { allowed: isAllowed }),
      ...(change && { change: changing }),
    }),
  });
}

const notYesOrNo = 'it is neither true nor false';

function ignore(made: unknown): void {
  if (made instanceof Promise) made.catch(() => undefined);
}

// A promise would be shown as “[object Promise]”, and no page waits for it.
function textOf(made: unknown): string {
  if (made instanceof Promise) {
    ignore(made);
    throw new Error('it gives a promise, and a page does not wait for one');
  }
  return String(made ?? '');
}
