import { addressProblem, hostUrls } from '../../database-address.ts';
import { AppError } from '../../errors.ts';

const others: Readonly<Record<string, string>> = {
  mysql: 'MySQL',
  mariadb: 'MariaDB',
  sqlite: 'SQLite',
  file: 'SQLite',
  sqlserver: 'SQL Server',
  mongodb: 'MongoDB',
  'mongodb+srv': 'MongoDB',
  redis: 'Redis',
  prisma: 'Prisma Accelerate',
  'prisma+postgres': 'Prisma’s own server',
};

const example = 'postgresql://user:password@host:5432/database';

/**
 * The address that `--database` gives: itself, or that of the environment variable which it names,
 * for passwords that should not stand on a command line.
 */
export function addressOf(given: string, environment: NodeJS.ProcessEnv = process.env): string {
  const isVariable = /^[A-Za-z_]\w*$/.test(given);
  const address = isVariable ? environment[given] : given;
  if (!address)
    throw refusal(
      isVariable
        ? `--database names the environment variable ${given}, which is not set: set it to ${example}, or write that in its place.`
        : `--database wants an address such as ${example}.`,
    );
  if (/^postgres(ql)?:\/\//.test(address)) {
    const problem = addressProblem(address);
    if (problem !== null) throw refusal(`--database ${problem}.`);
    if (hostUrls(address).every((url) => URL.canParse(url))) return address;
    throw refusal(
      `--database is no address: in its user and password write odd characters as a URL does, such as %23 for #, %40 for @, %2F for / and %3A for :.`,
    );
  }
  const scheme = /^([a-z][a-z+]*):/i.exec(address)?.[1]?.toLowerCase() ?? '';
  const other = others[scheme];
  throw refusal(
    other
      ? `--database is the address of ${other}, and Bulkhead works with PostgreSQL only.`
      : `--database wants an address such as ${example}.`,
  );
}

function refusal(sentence: string): AppError {
  return new AppError('usage', 500, sentence);
}
