import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '../../generated/sample/client.ts';
import admin from '../../src/admin.ts';
import { createTaskManager } from '../../src/index.ts';
import { mirrorEarlier } from '../../src/sample/mirror.ts';

/** `node prisma/sample/mirror-earlier.ts`, once after the hook has been added. */
const databaseUrl = process.env.DATABASE_URL ?? '';
const tasks = await createTaskManager({ admin, databaseUrl });
const client = new PrismaClient({ adapter: new PrismaPg(databaseUrl) });
console.log(`${await mirrorEarlier(tasks, client)} tasks were mirrored.`);
await client.$disconnect();
await tasks.close();
