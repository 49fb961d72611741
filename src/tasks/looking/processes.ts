import type { Database } from '../../db/database.ts';
import { isAliveSql } from '../liveness.ts';

/** A process that is there, by what it says of itself. */
export interface RunningProcess {
  readonly id: string;
  readonly kind: 'worker' | 'web';
  readonly host: string;
  readonly pid: number;
  /** Of Bulkhead. */
  readonly version: string;
  /** What must be the same everywhere, by name; what is secret or long by a hash, which begins with “#”. */
  readonly settings: Readonly<Record<string, string>>;
  readonly settingsHash: string;
  readonly startedAt: Date;
  readonly seenAt: Date;
}

/** A process of pages that has said nothing for so long is taken to be gone. */
const goneAfterSeconds = 60;

/** Those that are there and say by what they were set up, the latest first; one statement. */
export async function listProcesses(
  { pages, t }: Database,
  limit = 200,
): Promise<RunningProcess[]> {
  const { rows } = await pages.query<RunningProcess>(
    `select * from (
       select id, 'worker' as kind, host, pid, version, settings, settings_hash as "settingsHash", started_at as "startedAt", seen_at as "seenAt"
       from ${t.worker} worker where settings is not null and version is not null and ${isAliveSql}
       union all
       select id, 'web', host, pid, version, settings, settings_hash, started_at, seen_at
       from ${t.web_process} where seen_at > clock_timestamp() - make_interval(secs => ${goneAfterSeconds})
     ) process order by "startedAt" desc, id limit $1`,
    [limit],
  );
  return rows;
}

/** What is not the same in a process as in the one that was started last. */
export interface Difference {
  readonly other: RunningProcess;
  /** Name of a setting; `version` of Bulkhead, `code` of the admin. */
  readonly names: readonly string[];
}

const versionName = 'version';

export function settingOf({ version, settings }: RunningProcess, name: string): string | undefined {
  return name === versionName ? version : settings[name];
}

/**
 * By the ids of processes. What a process does not have at all, as workers have no sessions, is
 * compared with the one that was started last of those that have it.
 */
export function differencesOf(
  processes: readonly RunningProcess[],
): ReadonlyMap<string, readonly Difference[]> {
  const latestFirst = [...processes].sort(
    (one, other) => other.startedAt.getTime() - one.startedAt.getTime(),
  );
  return new Map(
    processes.flatMap((one) => {
      const found = new Map<RunningProcess, string[]>();
      for (const name of [versionName, ...Object.keys(one.settings).sort()]) {
        const last = latestFirst.find((other) => settingOf(other, name) !== undefined);
        if (last && settingOf(last, name) !== settingOf(one, name))
          found.set(last, [...(found.get(last) ?? []), name]);
      }
      const differences = [...found].map(([other, names]) => ({ other, names }));
      return differences.length === 0 ? [] : [[one.id, differences] as const];
    }),
  );
}
