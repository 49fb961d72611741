import { join } from 'node:path';
import { loadAdmin } from '../cli/schema/load-admin.ts';

const generated = join(import.meta.dirname, '../../generated');

/**
 * Every feature that a Prisma schema may have (`prisma/torture`), with nothing said about its
 * models. For `testApp` and `testContext`.
 */
export const tortureAdmin = await loadAdmin('Torture', {
  client: join(generated, 'torture'),
  metadata: join(generated, 'torture-metadata'),
});
