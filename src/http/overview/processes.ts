import { differencesOf, type RunningProcess, settingOf } from '../../tasks/looking/processes.ts';
import { formatSpan, formatTimestamp, isoTime } from '../format.ts';
import { workerName } from './control.ts';
import { overviewTexts } from './overview-texts.ts';

/** A process of pages, for those who see every task. */
export interface PagesLine {
  name: string;
  version: string;
  differs: readonly string[];
  since: string;
  sinceIso: string;
  seen: string;
  seenIso: string;
  words: Pick<typeof overviewTexts.workerColumns, 'since' | 'seen'>;
}

interface PagesParts {
  now: Date;
  timeZone: string;
}

export function pagesLines(
  processes: readonly RunningProcess[],
  { now, timeZone }: PagesParts,
): PagesLine[] {
  const differs = differencesInWords(processes);
  return processes
    .filter(({ kind }) => kind === 'web')
    .map((one) => ({
      name: workerName(one),
      version: overviewTexts.version(one.version),
      differs: differs.get(one.id) ?? [],
      since: formatTimestamp(one.startedAt, now, timeZone),
      sinceIso: isoTime(one.startedAt),
      seen: overviewTexts.ago(formatSpan(Math.max(0, now.getTime() - one.seenAt.getTime()))),
      seenIso: isoTime(one.seenAt),
      words: overviewTexts.workerColumns,
    }));
}

/** By the ids of processes: a sentence for each that it differs from. */
export function differencesInWords(
  processes: readonly RunningProcess[],
): ReadonlyMap<string, readonly string[]> {
  const { differs, differsIn, another } = overviewTexts.processes;
  const byId = new Map(processes.map((one) => [one.id, one]));
  return new Map(
    [...differencesOf(processes)].map(([id, differences]) => {
      const one = byId.get(id) as RunningProcess;
      const sentences = differences.map(({ other, names }) => {
        const parts = names.map((name) => {
          const [here, there] = [settingOf(one, name) ?? '', settingOf(other, name) ?? ''];
          const isHidden = here.startsWith('#') || there.startsWith('#');
          const label = overviewTexts.processes.names[name] ?? name;
          return isHidden ? another(label) : differsIn(label, here, there);
        });
        return differs(
          { name: workerName(other), isWorker: other.kind === 'worker', hash: other.settingsHash },
          one.settingsHash,
          parts.join('; '),
        );
      });
      return [id, sentences] as const;
    }),
  );
}
