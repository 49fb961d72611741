/**
 * The Postgres schema that a table without one is in: Prisma's own parameter of the address, else
 * public.
 */
export function defaultSchemaOf(connectionString: string | undefined): string {
  if (!connectionString) return 'public';
  const given = URL.canParse(connectionString)
    ? new URL(connectionString).searchParams.get('schema')
    : null;
  return given || 'public';
}
