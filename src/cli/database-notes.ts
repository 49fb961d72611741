import type { AdminDefinition } from '../admin-definition.ts';
import { openPool } from '../db/pool.ts';

interface Noted {
  place: string;
  server: string | null;
  isPassedBy: boolean;
}

const notesSql = `select n.nspname || '.' || c.relname as place,
    (select s.srvname from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = c.oid) as server,
    c.relrowsecurity and not row_security_active(c.oid) as "isPassedBy"
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname || '.' || c.relname = any($1::text[]) and (c.relkind = 'f' or c.relrowsecurity) order by 1`;

/**
 * What is worth a line at each start about the tables that are administered: those whose policies the role
 * passes by, and those that are on another server.
 */
export async function databaseNotes(
  connectionString: string,
  { resources }: Pick<AdminDefinition, 'resources'>,
): Promise<string[]> {
  const places = resources.flatMap(({ metadata, model: name }) => {
    const model = metadata.models[name];
    return model ? [`${model.dbSchema}.${model.dbTable}`] : [];
  });
  const pool = openPool({ connectionString, name: 'bulkhead notes', max: 1 });
  try {
    const { rows } = await pool.query<Noted>(notesSql, [[...new Set(places)]]);
    const role = await pool.query<{ role: string }>('select current_user as role');
    return [
      ...passedBy(
        rows.filter(({ isPassedBy }) => isPassedBy),
        role.rows[0]?.role ?? '',
      ),
      ...foreign(rows.filter(({ server }) => server !== null)),
    ];
  } finally {
    await pool.end();
  }
}

function passedBy(tables: readonly Noted[], role: string): string[] {
  if (tables.length === 0) return [];
  return [
    `The policies of ${named(tables)} hold nothing back here, since the role ${role} passes by row-level security: connect as another role, or give the resources a scope.`,
  ];
}

function foreign(tables: readonly Noted[]): string[] {
  if (tables.length === 0) return [];
  const servers = [...new Set(tables.map(({ server }) => server))].join(', ');
  return [
    `${named(tables)} ${tables.length === 1 ? 'is' : 'are'} on another server (${servers}) and only looked at, since no commit spans two servers.`,
  ];
}

/** A few, and how many more there are. */
function named(tables: readonly Noted[]): string {
  const shown = tables
    .slice(0, 5)
    .map(({ place }) => place)
    .join(', ');
  return tables.length > 5 ? `${shown} and ${tables.length - 5} more` : shown;
}
