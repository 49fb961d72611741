import { hostUrls } from '../database-address.ts';

/**
 * The Postgres schema that a table without one is in: Prisma's own parameter of the address, else
 * public.
 */
export function defaultSchemaOf(connectionString: string | undefined): string {
  if (!connectionString) return 'public';
  const [first = ''] = hostUrls(connectionString);
  const given = URL.canParse(first) ? new URL(first).searchParams.get('schema') : null;
  return given || 'public';
}
