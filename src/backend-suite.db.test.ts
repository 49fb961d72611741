import { test } from 'node:test';
import sample from './admin.ts';
import { backendSuite } from './backend-suite.ts';
import type { Backend } from './queue/backend.ts';
import { testDatabase } from './testing/database.ts';
import { faxMachine } from './testing/fax-machine.ts';
import { insertPlaces } from './testing/places.ts';

const fax = faxMachine();
const frail: Backend = {
  ...fax,
  name: 'frail',
  can: { later: false, cancel: false, processes: false, restart: false },
};
const admin = { ...sample, backends: [fax, frail] };
const bulk = {
  resource: 'cities',
  operation: 'update',
  where: {},
  everything: true,
  parameters: { status: 'archived' },
} as const;

for (const backend of ['queue', 'in-process', 'inline', fax.name, frail.name])
  test(`${backend}: what every backend must do`, async (t) => {
    const { db, connectionString: databaseUrl } = await testDatabase(t);
    await insertPlaces(db, 60);
    for (const { name, run } of backendSuite({ admin, backend, databaseUrl, bulk }))
      await t.test(name, run);
  });
