import type { AdminDefinition } from '../admin-definition.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { checkDefinition } from './check-definition.ts';
import { connectionsInWords } from './connections.ts';
import { type AdminValues, openAdmin } from './open-admin.ts';

/**
 * Says what a start would refuse the project's definition for, all of it, or that there is nothing;
 * no database is asked.
 */
export async function check(
  { json, ...values }: AdminValues & { json?: boolean },
  config: Config,
): Promise<void> {
  const problems: string[] = [];
  // Where there is an address, metadata of a database would be compared with it.
  const { admin } = await openAdmin(
    values,
    values.database === undefined ? { ...config, DATABASE_URL: undefined } : config,
    (change) => problems.push(change),
  );
  for (const problem of await checkDefinition(admin, config))
    problems.push(problem.replace(/^The admin cannot be started: its /, 'Admin: '));
  const counts = countsOf(admin);
  if (json) {
    console.log(JSON.stringify({ problems, ...counts }, null, 2));
    if (problems.length > 0) process.exitCode = 1;
    return;
  }
  if (problems.length > 0) {
    const lines = problems.map((problem) => `  ${problem.replaceAll('\n', '\n  ')}`);
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new AppError(
      'wrong-definition',
      500,
      [`${admin.name} has ${count}:`, ...lines].join('\n'),
    );
  }
  console.log(`${admin.name}: ${inWords(counts)}: nothing is wrong.`);
  for (const sentence of connectionsInWords(config)) console.log(sentence);
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
