import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { type SchemaFiles, schemaSql } from '../db/schema-engine.ts';

const folder = join(import.meta.dirname, '../../prisma/torture');

async function readSchema(): Promise<SchemaFiles> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.prisma'));
  return Promise.all(
    names
      .sort()
      .map(
        async (name) => [join(folder, name), await readFile(join(folder, name), 'utf8')] as const,
      ),
  );
}

/** Makes the torture schema's tables in an empty database and fills them. */
export async function fillTorture(connectionString: string): Promise<void> {
  const tables = await schemaSql(connectionString, 'public', await readSchema());
  const seed = await readFile(join(folder, 'seed.sql'), 'utf8');
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(
      'create extension citext; create schema torture; create sequence torture.ticket',
    );
    await client.query(tables);
    await client.query(seed);
  } finally {
    await client.end();
  }
}
