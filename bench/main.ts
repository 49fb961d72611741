import { parseArgs } from 'node:util';
import { bulkErrors } from './bulk-errors.ts';
import { bulkHooks } from './bulk-hooks.ts';
import { bulkDelete, bulkReplace, bulkUpdate } from './bulk-update.ts';
import { bystander } from './bystander.ts';
import { launchBench } from './launch.ts';
import { list } from './list.ts';
import { memory } from './memory.ts';
import { printTable, type Row } from './table.ts';

/** `npm run bench -- <case> --rows N [--pairs N] [--json]` */
const benches: Record<string, (options: { rows: number; pairs: number }) => Promise<Row[]>> = {
  'bulk-update': bulkUpdate,
  'bulk-replace': bulkReplace,
  'bulk-delete': bulkDelete,
  'bulk-hooks': bulkHooks,
  'bulk-errors': bulkErrors,
  bystander,
  launch: launchBench,
  memory,
  list,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '135000' },
    pairs: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const bench = benches[positionals[0] ?? ''];
const [rows, pairs] = [Number(values.rows), Number(values.pairs)];
if (!bench || !Number.isInteger(rows) || rows < 1 || !Number.isInteger(pairs) || pairs < 1) {
  console.error(`Usage: npm run bench -- ${Object.keys(benches).join('|')} [--rows N] [--pairs N] [--json]`);
  process.exit(1);
}
const measured = await bench({ rows, pairs });
if (values.json) for (const row of measured) console.log(JSON.stringify(row));
else printTable(measured);
process.exit(0);
