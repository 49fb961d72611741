import { checkNames } from '../health/finding.ts';
import { administeredCommands } from './administered.ts';
import { verifyOf } from './audit.ts';
import { check } from './check.ts';
import { cleanUpCommands } from './clean-up.ts';
import { type Command, ofAdmin } from './command.ts';
import { doctor } from './doctor.ts';
import { generateOwn, ownOutput } from './generate.ts';
import { indexes } from './indexes.ts';
import { init } from './init/init.ts';
import { migrateOnly } from './migrate-only.ts';
import { scheduleCommands } from './schedules.ts';
import { taskCommands } from './tasks.ts';
import { userCommands } from './users.ts';

export type Commands = Readonly<Record<string, Command>>;

/** Every command beside those that go on: start, serve and work. */
export const commands: Commands = {
  init: {
    says: 'Writes bulkhead.config.ts and adds our generator to a project’s schema.',
    options: {
      schema: ofAdmin.schema,
      'dry-run': { type: 'boolean', says: 'says what it would write, and writes nothing' },
    },
    gives: '`{ said }`: its lines',
    isOffline: true,
    run: async (typed, config) => ({ said: await init(typed, config) }),
  },
  check: {
    says: 'Says what a start would refuse the definition for, all of it; no database is asked.',
    options: ofAdmin,
    gives: '`{ name, problems, resources, tasks, schedules, channels }`',
    isOffline: true,
    run: check,
  },
  generate: {
    says: 'Writes Prisma’s client and the metadata of a schema, or of a database, where your own code imports them.',
    options: {
      schema: ofAdmin.schema,
      output: { type: 'string', value: 'FOLDER', says: `where to; ${ownOutput} unless given` },
    },
    gives: '`{ output }`',
    isOffline: true,
    run: generateOwn,
  },
  indexes: {
    says: 'Shows, as SQL, the indexes that searching and sorting the lists want and do not have.',
    options: {
      create: { type: 'boolean', says: 'makes them, too' },
      ...ofAdmin,
    },
    gives: '`{ created, extension, indexes }`',
    run: indexes,
  },
  migrate: {
    says: 'Brings our own tables and the queue’s up to date.',
    options: {
      check: { type: 'boolean', says: 'says what that would be, and changes nothing' },
      sql: { type: 'boolean', says: 'prints what somebody else may run for this role' },
    },
    gives: '`{ pending, applied }`; with --sql `{ sql }`',
    run: migrateOnly,
  },
  doctor: {
    says: 'Says whether Bulkhead does what it should, and what to do where it does not; exit status 1 where something is wrong.',
    options: {
      check: {
        type: 'string',
        value: 'NAME',
        says: `looks at this alone: ${checkNames.join(', ')}`,
      },
      ...ofAdmin,
    },
    gives: '`{ at, parts, findings }`: as in metrics.md',
    run: doctor,
  },
  ...taskCommands,
  ...scheduleCommands,
  ...cleanUpCommands,
  ...administeredCommands,
  ...userCommands,
  'audit verify': {
    says: 'Looks through the whole audit: whether every entry is as it was when it was sealed.',
    options: {
      head: {
        type: 'string',
        value: 'HASH',
        says: 'a head that you kept: it is in the chain, too',
      },
    },
    gives: '`{ sound, unsealed, unsigned, early, checkpoint, head }`',
    run: verifyOf,
  },
};
