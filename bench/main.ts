import { readOptions, wrongUsage } from '../scripts/read-options.ts';
import { beside } from './beside.ts';
import { bulkErrors } from './bulk-errors.ts';
import { bulkHooks } from './bulk-hooks.ts';
import { bulkDelete, bulkUpdate, undoBench } from './bulk-update.ts';
import { bystander } from './bystander.ts';
import { costs } from './costs.ts';
import { dashboard } from './dashboard.ts';
import { dialogs } from './dialogs.ts';
import { launchBench } from './launch.ts';
import { limitsBench } from './limits.ts';
import { list } from './list.ts';
import { m2m } from './m2m.ts';
import { memory } from './memory.ts';
import { pages } from './pages.ts';
import { partitioned } from './partitioned.ts';
import { type Measured, printTable } from './table.ts';
import { tasksBench } from './tasks.ts';

interface Case {
  run(options: { rows: number; pairs: number; seconds: number; part: string }): Promise<Measured[]>;
  /** Unless `--rows` says otherwise. */
  rows: number;
  /** Unless `--pairs` says otherwise. */
  pairs: number;
}

/** `npm run bench -- <case> [--rows N] [--pairs N] [--seconds N] [--case TEXT] [--json]` */
const cases: Record<string, Case> = {
  'bulk-update': { run: bulkUpdate, rows: 135_000, pairs: 5 },
  'bulk-delete': { run: bulkDelete, rows: 135_000, pairs: 5 },
  'bulk-hooks': { run: bulkHooks, rows: 100_000, pairs: 3 },
  'bulk-errors': { run: bulkErrors, rows: 200_000, pairs: 3 },
  undo: { run: undoBench, rows: 135_000, pairs: 3 },
  m2m: { run: m2m, rows: 100_000, pairs: 3 },
  bystander: { run: bystander, rows: 1_000_000, pairs: 1 },
  costs: { run: costs, rows: 300_000, pairs: 1 },
  pages: { run: pages, rows: 1_000_000, pairs: 1 },
  launch: { run: launchBench, rows: 1_000_000, pairs: 5 },
  memory: { run: memory, rows: 1_000_000, pairs: 3 },
  limits: { run: limitsBench, rows: 20_000, pairs: 5 },
  tasks: { run: tasksBench, rows: 10_000, pairs: 3 },
  beside: { run: beside, rows: 200_000, pairs: 1 },
  dashboard: { run: dashboard, rows: 100_000, pairs: 3 },
  dialogs: { run: dialogs, rows: 200, pairs: 1 },
  'partitions-range': { run: partitioned('range'), rows: 1_000_000, pairs: 1 },
  'partitions-hash': { run: partitioned('hash'), rows: 1_000_000, pairs: 1 },
  list: { run: list, rows: 135_000, pairs: 5 },
};

const usage = `Usage: npm run bench -- ${Object.keys(cases).join('|')} [--rows N] [--pairs N] [--seconds N] [--case TEXT] [--json]`;
const options = {
  rows: { type: 'string' },
  pairs: { type: 'string' },
  seconds: { type: 'string', default: '120' },
  case: { type: 'string', default: '' },
  json: { type: 'boolean', default: false },
} as const;
const { positionals, values } = readOptions(usage, options, true);
const chosen = cases[positionals[0] ?? ''];
const [rows, pairs] = [Number(values.rows ?? chosen?.rows), Number(values.pairs ?? chosen?.pairs)];
const seconds = Number(values.seconds);
if (!chosen || [rows, pairs, seconds].some((given) => !Number.isInteger(given) || given < 1))
  wrongUsage(usage);
const measured = await chosen.run({ rows, pairs, seconds, part: values.case ?? '' });
if (values.json) for (const row of measured) console.log(JSON.stringify(row));
else printTable(measured);
process.exit(0);
