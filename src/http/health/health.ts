import { healthPath } from '../../health/finding.ts';
import type { HealthReport } from '../../health/health-report.ts';
import type { PartReport } from '../../health/look.ts';
import { formatTimestamp } from '../format-span.ts';
import type { Link } from '../tasks/progress.ts';
import type { Url } from '../url.ts';
import { healthTexts } from './health-texts.ts';

export interface HealthData {
  title: string;
  asOf: string;
  refresh: Link;
  overview: Link;
  findings: readonly { title: string; remedy: string; link: Link | null }[];
  /** Where nothing is wrong. */
  sound: { text: string; tone: 'success' | 'warning'; icon: string } | null;
  groups: readonly { heading: string; lines: readonly PartLine[] }[];
  words: typeof healthTexts;
}

interface PartLine {
  title: string;
  note: string | null;
  state: { label: string; icon: string; tone: 'success' | 'neutral' | 'error' | 'warning' };
  took: string;
}

export function healthData(
  { at, parts, findings }: HealthReport,
  { now, timeZone, url }: { now: Date; timeZone: string; url: Url },
): HealthData {
  const isWhole = parts.every(({ error }) => error === null);
  return {
    title: healthTexts.heading,
    asOf: healthTexts.asOf(formatTimestamp(at, now, timeZone)),
    refresh: { href: url(healthPath), label: healthTexts.refresh },
    overview: { href: url('/tasks/overview'), label: healthTexts.overview },
    findings: findings.map(({ title, remedy, path }) => ({
      ...{ title, remedy },
      link: path === healthPath ? null : { href: url(path), label: healthTexts.see },
    })),
    sound:
      findings.length > 0
        ? null
        : isWhole
          ? { text: healthTexts.nothing, tone: 'success', icon: 'circle-check' }
          : { text: healthTexts.notAll, tone: 'warning', icon: 'triangle-alert' },
    groups: [...Map.groupBy(parts, ({ check }) => check)].map(([check, own]) => ({
      heading: healthTexts.checks[check],
      lines: own.map(partLine),
    })),
    words: healthTexts,
  };
}

function partLine(part: PartReport): PartLine {
  const { title, note, error, findings, tookMs } = part;
  const said = findings.length > 0 ? healthTexts.findings(findings.length) : note;
  return { title, note: error ?? said, state: stateOf(part), took: healthTexts.took(tookMs) };
}

function stateOf({ error, findings, isUnset }: PartReport): PartLine['state'] {
  const { states } = healthTexts;
  if (error !== null)
    return { label: states.unknown, icon: 'circle-question-mark', tone: 'warning' };
  if (findings.length > 0) return { label: states.wrong, icon: 'circle-x', tone: 'error' };
  if (isUnset) return { label: states.unset, icon: 'circle-minus', tone: 'neutral' };
  return { label: states.ok, icon: 'circle-check', tone: 'success' };
}

declare module '../pages.ts' {
  interface Pages {
    'health/show': HealthData;
  }
}
