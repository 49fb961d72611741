import type { TaskContext } from '../tasks/context.ts';
import { within } from '../within.ts';
import type { CheckName, Finding, HealthPart } from './finding.ts';

/** Longest that one part is waited for. */
export const lookForMs = 5_000;

/** What a part has found, and how long it took. */
export interface PartReport {
  readonly name: string;
  readonly check: CheckName;
  readonly title: string;
  readonly tookMs: number;
  readonly findings: readonly Finding[];
  readonly note: string | null;
  /** Nobody has set what would be looked at, such as a mail server. */
  readonly isUnset: boolean;
  /** Why it could not look; null: it has looked. */
  readonly error: string | null;
}

/** Few at a time, so that looking takes no connections from those who work. */
const lanes = 3;

/** Each part looks for a bounded time, and none that fails hides what others have found. */
export async function lookAtAll(
  context: TaskContext,
  parts: readonly HealthPart[],
  { withinMs = lookForMs }: { withinMs?: number } = {},
): Promise<PartReport[]> {
  const reports: PartReport[] = [];
  const left = [...parts.entries()];
  const until = performance.now() + 3 * withinMs;
  const walk = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const [place, part] = next;
      const remaining = Math.max(1, until - performance.now());
      reports[place] = await lookAt(context, part, Math.min(withinMs, remaining));
    }
  };
  await Promise.all(Array.from({ length: lanes }, walk));
  return reports;
}

async function lookAt(
  context: TaskContext,
  { name, check, title, look }: HealthPart,
  withinMs: number,
): Promise<PartReport> {
  const begun = performance.now();
  const said = { name, check, title };
  const tookMs = () => Math.round(performance.now() - begun);
  try {
    const { findings, note = null, isUnset = false } = await within(look(context), withinMs);
    return { ...said, tookMs: tookMs(), findings, note, isUnset, error: null };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const unseen = { findings: [], note: null, isUnset: false, error: message };
    return { ...said, tookMs: tookMs(), ...unseen };
  }
}
