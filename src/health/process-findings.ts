import { databaseNow } from '../db/database-now.ts';
import type { TaskContext } from '../tasks/context.ts';
import { differencesOf, listProcesses, type RunningProcess } from '../tasks/looking/processes.ts';
import { finder, type HealthLook, type HealthPart } from './finding.ts';

const found = finder('settings');

/** Processes that are started one after the other differ for as long as that takes. */
const settledMs = 5 * 60_000;
/** So many are named. */
const maxNamed = 5;

/** Whether processes of workers and pages are of one version, and set up alike. */
export const processParts: readonly HealthPart[] = [
  {
    name: 'versions',
    check: 'settings',
    title: 'Versions and settings of processes',
    look: lookAtProcesses,
  },
];

async function lookAtProcesses({ db }: TaskContext): Promise<HealthLook> {
  const processes = await listProcesses(db);
  const nowMs = await databaseNow(db.background);
  const note = `${processes.length} that say by what they were set up`;
  const differing = [...differencesOf(processes)].flatMap(([id, differences]) => {
    const lasting = differences.filter(
      ({ other }) => nowMs - other.startedAt.getTime() >= settledMs,
    );
    const one = processes.find((process) => process.id === id) as RunningProcess;
    return lasting.length === 0 ? [] : [{ one, names: lasting.flatMap(({ names }) => names) }];
  });
  if (differing.length === 0) return { findings: [], note };
  const named = differing
    .slice(0, maxNamed)
    .map(({ one, names }) => `${one.host}, process ${one.pid} (${names.join(', ')})`);
  const more = differing.length - named.length;
  const all = [...named, ...(more > 0 ? [`${more} more`] : [])].join('; ');
  return {
    note,
    findings: [
      found(
        'processes-differ',
        `Not as what was started last, by version or settings: ${all}.`,
        'Restart them, or whatever was started last, with the same version and the same settings.',
        '/tasks/overview',
      ),
    ],
  };
}
