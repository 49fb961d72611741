import { blame, sqlstateOf } from '../../db/sqlstate.ts';
import type { Queryable } from '../../db/transaction.ts';
import { withSavepoint } from '../../db/with-savepoint.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type {
  ApplyCounts,
  ApplyTarget,
  Operation,
  Refusal,
  StatementRow,
} from '../../operations/contract.ts';
import { journal } from '../../operations/journal-kind.ts';
import { blamedField } from '../../operations/refusals/blamed-field.ts';
import { knownConstraints } from '../../operations/refusals/constraints.ts';
import {
  keptBack,
  keptBackCode,
  keptBackOf,
  refuseKeptBack,
  without,
} from '../../operations/refusals/kept-back.ts';
import { RecordsRefused } from '../../operations/refusals/records-refused.ts';
import { blamedFields, refusalInWords } from '../../operations/refusals/refusal-in-words.ts';
import { readSecrets, unseen } from '../../operations/refusals/unseen.ts';
import { type Attempt, attemptEach } from './attempt-each.ts';

export interface ChunkOutcome extends ApplyCounts {
  failed: number;
  conflicted: number;
  /** Among the refusals: the database kept them as they were. */
  keptBack: number;
  refusals: Refusal[];
  conflicts: Refusal[];
}

/**
 * Applies an operation to keys at once; a row that the database refuses or keeps back is thrown,
 * and the transaction with it.
 */
export async function applyAll(
  client: Queryable,
  operation: Operation,
  target: ApplyTarget,
  keys: readonly string[],
  params: unknown,
): Promise<ChunkOutcome> {
  const tally = new Tally();
  const counts = await operation.apply(client, target, keys, params);
  refuseKeptBack(keptBackOf(counts));
  tally.add(counts);
  return tally.outcome();
}

/**
 * Applies an operation to keys so that a row the database refuses fails alone and every other is
 * changed: in savepoints, smaller sets, then single rows. Deferred constraints are checked within,
 * or they would fail at commit with no row to blame. Errors that are no row's fault are thrown.
 */
export async function applyIsolated(
  client: Queryable,
  operation: Operation,
  target: ApplyTarget,
  keys: readonly string[],
  params: unknown,
): Promise<ChunkOutcome> {
  const whole = operation.together ? await inOneSet(client, operation, target, keys, params) : null;
  return whole ?? isolate(client, operation, target, keys, params);
}

/** Null: a row was refused, and nothing was done. */
async function inOneSet(
  client: Queryable,
  operation: Operation,
  target: ApplyTarget,
  keys: readonly string[],
  params: unknown,
): Promise<ChunkOutcome | null> {
  await client.query('savepoint one_set');
  try {
    const outcome = await applyAll(client, operation, target, keys, params);
    await client.query('set constraints all immediate; release savepoint one_set');
    return outcome;
  } catch (error) {
    if (!(error instanceof RecordsRefused) && blame(error) !== 'row') throw error;
    await client.query('rollback to savepoint one_set; release savepoint one_set');
    return null;
  }
}

async function isolate(
  client: Queryable,
  operation: Operation,
  target: ApplyTarget,
  keys: readonly string[],
  params: unknown,
): Promise<ChunkOutcome> {
  const tally = new Tally();
  if (keys.length > maxSetSize && operation.statement?.(target, keys, params)) {
    return withoutSecrets(
      client,
      operation,
      target,
      await withinServer(client, operation, target, keys, params),
    );
  }
  await tryOrCut(keys);
  return withoutSecrets(client, operation, target, tally.outcome());

  async function tryOrCut(set: readonly string[]): Promise<void> {
    const { error, rest } = await tryAll(set);
    if (!error) return;
    if (rest.length === 1)
      return tally.refuse(rest, await refusalOf(client, operation, target, error));
    for (const part of partsOf(rest, Math.ceil(rest.length / 8))) await tryOrCut(part);
  }

  /** The keys that are left, with the error of the record that ended the attempt. */
  async function tryAll(
    set: readonly string[],
  ): Promise<{ error: unknown; rest: readonly string[] }> {
    await client.query('savepoint attempt');
    try {
      const counts = await operation.apply(client, target, set, params);
      refuseKeptBack(keptBackOf(counts));
      await client.query('set constraints all immediate; release savepoint attempt');
      tally.add(counts);
      return { error: null, rest: [] };
    } catch (error) {
      if (!(error instanceof RecordsRefused) && blame(error) !== 'row') throw error;
      await client.query('rollback to savepoint attempt; release savepoint attempt');
      return error instanceof RecordsRefused ? withoutRefused(set, error) : { error, rest: set };
    }
  }

  async function withoutRefused(set: readonly string[], { refusals }: RecordsRefused) {
    for (const { keys: refused, ...reason } of refusals) tally.refuse(refused, reason);
    const known = new Set(refusals.flatMap(({ keys: refused }) => refused));
    const rest = set.filter((key) => !known.has(key));
    return rest.length === 0 ? { error: null, rest } : tryAll(rest);
  }
}

/**
 * Records of the first sets that are tried, and into how many parts one is cut; measured by `npm
 * run bench -- bulk-errors`.
 */
const firstSet = 100;
const parts = 7;
/** Up to here as many round trips are not worth preparing a statement. */
const maxSetSize = 32;

/**
 * Removes secrets from messages: a trigger's text may quote the record. For an operation that
 * writes images, the values cannot be looked up, so all values are removed.
 */
async function withoutSecrets(
  client: Queryable,
  { writesImages }: Operation,
  { resource }: ApplyTarget,
  outcome: ChunkOutcome,
): Promise<ChunkOutcome> {
  if (resource.secrets.length === 0) return outcome;
  const refusals: Refusal[] = [];
  for (const refusal of outcome.refusals) {
    const secrets = !isDatabases(refusal.code)
      ? []
      : writesImages
        ? null
        : await readSecrets(client, resource, refusal.keys[0] as string);
    const message = secrets
      ? unseen(refusal.message, resource, secrets)
      : `The database refused it (${refusal.code}).`;
    refusals.push({ ...refusal, message });
  }
  return { ...outcome, refusals };
}

/**
 * Without those that were kept back, until no more are: what was written on their behalf is taken
 * back.
 */
async function withinServer(
  client: Queryable,
  operation: Operation,
  target: ApplyTarget,
  keys: readonly string[],
  params: unknown,
): Promise<ChunkOutcome> {
  const known: string[] = [];
  for (;;) {
    const tally = new Tally();
    if (known.length > 0) tally.refuse(known, keptBack(known));
    await client.query('savepoint attempts');
    const found = await attemptSets(client, operation, target, without(keys, known), params, tally);
    await client.query(
      `${found.length > 0 ? 'rollback to savepoint attempts; ' : ''}release savepoint attempts`,
    );
    if (found.length === 0) return tally.outcome();
    known.push(...found);
  }
}

/**
 * What a statement says of itself is believed; what it did not write is looked at afterwards.
 * Returns the keys of those kept back.
 */
async function attemptSets(
  client: Queryable,
  operation: Operation,
  target: ApplyTarget,
  keys: readonly string[],
  params: unknown,
  tally: Tally,
): Promise<string[]> {
  const left: string[] = [];
  const found: string[] = [];
  let sets = await firstSets(client, operation, target, keys, params);
  while (sets.length > 0) {
    const statements = sets.map((set) => operation.statement?.(target, set, params) ?? unsaid());
    const attempts = await attemptEach(client, target.t, statements);
    const next: (readonly string[])[] = [];
    for (const [index, set] of sets.entries()) {
      const { result, error } = attempts[index] as Attempt;
      if (error && set.length > 1) next.push(...smaller(target.resource.model, set, error.detail));
      else if (error) tally.refuse(set, await refusalOf(client, operation, target, error));
      else {
        const {
          changed = 0,
          unchanged = 0,
          gone = 0,
          written,
          putBack,
          ...others
        } = (result ?? {}) as Partial<StatementRow>;
        const counts = { ...others, changed, unchanged, gone };
        found.push(...keptBackOf(counts), ...(putBack ?? []));
        if (written) left.push(...without(set, written));
        tally.add(counts);
      }
    }
    sets = next;
  }
  if (left.length > 0 && operation.settle) {
    const settled = await operation.settle(client, target, left.sort(), params);
    found.push(...keptBackOf(settled));
    tally.add(settled);
  }
  return found;
}

/**
 * Those that are likely to be refused each alone, and the others together; where nothing is known of
 * them, several sets.
 */
async function firstSets(
  client: Queryable,
  operation: Operation,
  target: ApplyTarget,
  keys: readonly string[],
  params: unknown,
): Promise<(readonly string[])[]> {
  const suspects = await suspectsAmong(client, operation, target, keys, params);
  if (suspects.length === 0) return partsOf(keys, firstSet);
  const rest = without(keys, suspects);
  return [...(rest.length > 0 ? [rest] : []), ...suspects.map((key) => [key])];
}

async function suspectsAmong(
  client: Queryable,
  operation: Operation,
  target: ApplyTarget,
  keys: readonly string[],
  params: unknown,
): Promise<string[]> {
  const constraints = await knownConstraints(client, target.resource.model, target);
  const checks = [...constraints.values()].flatMap(({ check, columns }) =>
    check === null ? [] : [{ condition: check, columns }],
  );
  const statement =
    checks.length > 0 ? operation.suspects?.(target, keys, params, checks) : undefined;
  if (!statement) return [];
  try {
    const { rows } = await withSavepoint(client, (within) =>
      within.query<{ key: string }>(statement.text, statement.values),
    );
    return rows.map(({ key }) => key).sort();
  } catch (error) {
    // It asks of rows what nobody may have asked of them: that this fails says nothing.
    if (blame(error) === 'passing') throw error;
    return [];
  }
}

/**
 * Splits a refused set: the record that the database's message names apart from the others, else
 * into parts. The message is only a hint: every set is tried again.
 */
function smaller(model: ModelMeta, set: readonly string[], detail: string): (readonly string[])[] {
  const blamed = blamedKey(model, set, detail);
  return blamed === null
    ? partsOf(set, Math.ceil(set.length / parts))
    : [[blamed], set.filter((key) => key !== blamed)];
}

/** `Failing row contains (42, Place 42, …)` of a check or a column that may not be empty. */
function blamedKey(model: ModelMeta, set: readonly string[], detail: string): string | null {
  const [, row = ''] = /^Failing row contains \((.*)\)/s.exec(detail) ?? [];
  if (row === '' || model.idFields.length !== 1) return null;
  // The id is the first column of most tables.
  const keys = new Map(set.map((key) => [keyToUrl(model, key), key]));
  const value = row.split(', ').find((text) => keys.has(text));
  return value === undefined ? null : (keys.get(value) as string);
}

function unsaid(): never {
  throw new Error('an operation says some of its sets as a statement and others not');
}

function partsOf(set: readonly string[], size: number): (readonly string[])[] {
  const parts: (readonly string[])[] = [];
  for (let start = 0; start < set.length; start += size) parts.push(set.slice(start, start + size));
  return parts;
}

type Reason = Omit<Refusal, 'keys'>;

async function refusalOf(
  client: Queryable,
  operation: Operation,
  target: ApplyTarget,
  error: unknown,
): Promise<Reason> {
  const { resource } = target;
  const {
    message,
    constraint = null,
    column = null,
  } = error as { constraint?: string; column?: string; message: string };
  const state = sqlstateOf(error);
  const code = [state, constraint].filter(Boolean).join(':');
  const about = {
    resource,
    isDelete: operation.writes === journal.deleted,
    constraints: await knownConstraints(client, resource.model, target),
  };
  const refused = { code: state, constraint, column, message };
  const [blamed] = blamedFields(refused, about);
  const field = about.isDelete
    ? null
    : (blamed?.meta.name ?? blamedField(resource.model, { constraint, column }));
  return { code, message: refusalInWords(refused, about), field };
}

/** Adds up what parts of a chunk say. */
class Tally {
  #counts = { changed: 0, unchanged: 0, gone: 0 };
  #refusals = new Map<string, Refusal & { keys: string[] }>();
  #conflicts = new Map<string, Refusal & { keys: string[] }>();

  add({ changed, unchanged, gone, refusals = [], conflicts = [] }: ApplyCounts): void {
    this.#counts.changed += changed;
    this.#counts.unchanged += unchanged;
    this.#counts.gone += gone;
    for (const { keys, ...reason } of refusals) this.refuse(keys, reason);
    for (const { keys, ...reason } of conflicts) keep(this.#conflicts, keys, reason);
  }

  refuse(keys: readonly string[], { code, message, field }: Reason): void {
    keep(this.#refusals, keys, { code, message, ...(field === undefined ? {} : { field }) });
  }

  outcome(): ChunkOutcome {
    const kept = [...this.#refusals.values()]
      .filter(({ code }) => code === keptBackCode)
      .reduce((total, { keys }) => total + keys.length, 0);
    return {
      ...this.#counts,
      failed: sum(this.#refusals) - kept,
      keptBack: kept,
      conflicted: sum(this.#conflicts),
      refusals: [...this.#refusals.values()],
      conflicts: [...this.#conflicts.values()],
    };
  }
}

function isDatabases(code: string): boolean {
  return /^[0-9A-Z]{5}(:|$)/.test(code);
}

// A rule of the project's has a message of its own for every reason; the database's may hold the
// record's values.
function keep(
  into: Map<string, Refusal & { keys: string[] }>,
  keys: readonly string[],
  reason: Reason,
): void {
  const name = isDatabases(reason.code)
    ? reason.code
    : [reason.code, reason.field, reason.message].join(' ');
  const known = into.get(name);
  if (known) known.keys.push(...keys);
  else into.set(name, { ...reason, keys: [...keys] });
}

function sum(refusals: ReadonlyMap<string, Refusal>): number {
  return [...refusals.values()].reduce((total, { keys }) => total + keys.length, 0);
}
