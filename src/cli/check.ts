import type { AdminDefinition } from '../admin-definition.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { checkDefinition } from './check-definition.ts';
import { connectionsInWords } from './connections.ts';
import { exitStatuses } from './exit-statuses.ts';
import { type AdminValues, openAdmin } from './open-admin.ts';

/**
 * Says what a start would refuse the project's definition for, all of it, or that there is nothing;
 * no database is asked.
 */
export async function check(
  { json, ...values }: AdminValues & { json?: boolean },
  config: Config,
): Promise<unknown> {
  if (!json) return checkInWords(values, config);
  const found = await checked(values, config, console.error).catch((error) => {
    // A definition that cannot be read is a problem too: a program reads it where it reads the others.
    if (!(error instanceof AppError)) throw error;
    return { problems: [error.message] };
  });
  if (found.problems.length > 0) process.exitCode = exitStatuses.failed;
  return found;
}

async function checkInWords(values: AdminValues, config: Config): Promise<void> {
  const { name, problems, ...counts } = await checked(values, config);
  if (problems.length > 0) {
    const lines = problems.map((problem) => `  ${problem.replaceAll('\n', '\n  ')}`);
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new AppError(
      'wrong-definition',
      500,
      [`${name || 'The admin'} has ${count}:`, ...lines].join('\n'),
    );
  }
  console.log(`${name}: ${inWords(counts)}: nothing is wrong.`);
  for (const sentence of connectionsInWords(config)) console.log(sentence);
}

async function checked(values: AdminValues, config: Config, say?: (sentence: string) => void) {
  const problems: string[] = [];
  // Where there is an address, metadata of a database would be compared with it.
  const { admin } = await openAdmin(
    values,
    values.database === undefined ? { ...config, DATABASE_URL: undefined } : config,
    (change) => problems.push(change),
    say,
  );
  for (const problem of await checkDefinition(admin, config))
    problems.push(problem.replace(/^The admin cannot be started: its /, 'Admin: '));
  return { name: admin.name, problems, ...countsOf(admin) };
}

function countsOf({ resources, tasks = [], schedules = [], channels = [] }: AdminDefinition) {
  return {
    resources: resources.length,
    tasks: tasks.length,
    schedules: schedules.length,
    channels: channels.length,
  };
}

/** `3 resources, 1 task`. */
function inWords(counts: ReturnType<typeof countsOf>): string {
  return Object.entries(counts)
    .filter(([name, count]) => count > 0 || name === 'resources' || name === 'tasks')
    .map(([name, count]) => (count === 1 ? `1 ${name.slice(0, -1)}` : `${count} ${name}`))
    .join(', ');
}
