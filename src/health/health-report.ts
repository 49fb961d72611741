import type { TaskContext } from '../tasks/context.ts';
import type { CheckName, Finding } from './finding.ts';
import { healthParts } from './health-parts.ts';
import { lookAtAll, type PartReport } from './look.ts';

/** How Bulkhead is: each part that was looked at, and all that is wrong. */
export interface HealthReport {
  readonly at: Date;
  readonly parts: readonly PartReport[];
  readonly findings: readonly Finding[];
}

/** Whoever asks sooner is given what was found for the one before. */
const keptMs = 10_000;

const kept = new WeakMap<object, { at: number; report: Promise<HealthReport> }>();

/** Looks now; `check`: at nothing else. */
export async function lookNow(
  context: TaskContext,
  check: CheckName | null = null,
): Promise<HealthReport> {
  const parts = await lookAtAll(
    context,
    healthParts.filter((part) => check === null || part.check === check),
  );
  return { at: new Date(), parts, findings: parts.flatMap(({ findings }) => findings) };
}

/** For those who ask again and again. */
export function readHealthReport(context: TaskContext): Promise<HealthReport> {
  const before = kept.get(context.db);
  const now = performance.now();
  if (before && now - before.at < keptMs) return before.report;
  const report = lookNow(context);
  kept.set(context.db, { at: now, report });
  return report;
}
