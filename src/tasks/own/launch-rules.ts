import { createHash } from 'node:crypto';
import { inOrder } from '../../plain-json.ts';
import { defaultQueue } from '../../queue-names.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import { concurrencyOf } from '../../task-definitions/limits.ts';

/** What a launch keeps of its definition's rules, worked out from its parameters once. */
export interface LaunchRules {
  queue: string;
  /** What it may not be twice with, of its name; null: it may be. */
  uniqueKey: string | null;
  /** By which a later launch of the same is answered with its result; null: by none. */
  reuseKey: string | null;
  /** With which others its limits are counted; null: it has none. */
  limitKey: string | null;
  rateKey: string | null;
  /** Why it holds nothing and asks nobody; null: it holds its records. */
  locksOffReason: string | null;
  /** Not begun within so many milliseconds, it is not begun at all; null: it waits. */
  expireAfterMs: number | null;
}

/** Rules of a launch with parameters as they were given (`given`) and as they are read. */
export function launchRules(
  definition: TaskDefinition,
  given: unknown,
  params: unknown,
): LaunchRules {
  const { unique, rate, secret, resultReuseMs, queue = defaultQueue } = definition.options;
  const concurrency = concurrencyOf(definition);
  const keyText = secret ? hashed : shortened;
  const sameKey = () => keyText(unique?.key ? unique.key(params) : JSON.stringify(given, inOrder));
  return {
    queue,
    uniqueKey: unique ? sameKey() : null,
    reuseKey: resultReuseMs === undefined ? null : sameKey(),
    limitKey: concurrency ? keyText(concurrency.key?.(params) ?? '') : null,
    rateKey: rate ? keyText(rate.key?.(params) ?? '') : null,
    locksOffReason: definition.options.locks?.off ?? null,
    expireAfterMs: definition.options.expireAfterMs ?? null,
  };
}

const maxKeyLength = 200;

/** Short ones stay readable; an index holds no long ones. */
function shortened(key: unknown): string {
  const text = textOf(key);
  return text.length <= maxKeyLength && !text.includes('\0') ? text : hashed(text);
}

function hashed(key: unknown): string {
  return createHash('sha256').update(textOf(key)).digest('hex');
}

function textOf(key: unknown): string {
  if (typeof key === 'string' || typeof key === 'number') return String(key);
  throw new TypeError('The key of a limit, or of what is unique, must be a text.');
}
