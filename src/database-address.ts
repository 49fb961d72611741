/** One of the servers that an address names. */
export interface DatabaseHost {
  /** `db1.example.com:5432`, for people. */
  readonly name: string;
  /** The address with this host alone, as a driver reads it. */
  readonly url: string;
}

export interface DatabaseAddress {
  /** In the order in which they are tried; of a socket or an address as PostgreSQL defaults it, one. */
  readonly hosts: readonly DatabaseHost[];
  readonly user: string;
  /** Empty: the one that is called as the user. */
  readonly database: string;
  readonly parameters: URLSearchParams;
}

/** Scheme, user and password with their @, hosts, path, and what follows. */
const parts = /^(postgres(?:ql)?:\/\/)((?:[^/?#]*@)?)([^/?#]*)([^?#]*)(\?[^#]*)?/;
const hostPattern = /^(?:\[[0-9A-Fa-f:.%]+\]|[^\s:[\],@]+)(?::(\d{1,5}))?$/;

/**
 * Reads an address that may name several hosts, as libpq has them:
 * `postgresql://user:password@one:5432,two:5433/database`, or `?host=one,two&port=5432,5433`. Throws
 * what `new URL` throws.
 */
export function readAddress(text: string): DatabaseAddress {
  const named = namedHosts(text);
  const first = new URL(named[0]?.url ?? text);
  return {
    hosts:
      named.length > 1
        ? named
        : [{ name: first.host || first.searchParams.get('host') || 'localhost', url: text }],
    user: decodeURIComponent(first.username),
    database: decodeURIComponent(first.pathname.slice(1)),
    parameters: first.searchParams,
  };
}

/** Hosts and database, without whoever signs in there; for people. */
export function addressInWords(text: string): string {
  try {
    const { hosts, database } = readAddress(text);
    return `${hosts.map(({ name }) => name).join(',')}/${database}`;
  } catch {
    return 'an address that cannot be read';
  }
}

/** Addresses of one host each; of an address that cannot be read, itself. */
export function hostUrls(text: string): readonly string[] {
  const named = namedHosts(text);
  return named.length > 1 ? named.map(({ url }) => url) : [text];
}

/**
 * What is wrong with an address of several hosts; null: nothing, or it has one.
 *
 * @param isOfStandbys all of its hosts are read from, whatever each of them is
 */
export function addressProblem(text: string, isOfStandbys = false): string | null {
  const named = namedHosts(text);
  if (named.length < 2) return null;
  const isWrong = named.some(({ name, url }) => {
    const [isHost, port = '5432'] = hostPattern.exec(name) ?? [];
    return !isHost || Number(port) < 1 || Number(port) > 65_535 || !URL.canParse(url);
  });
  if (isWrong)
    return 'must name each host as host or host:port, with commas between, such as postgresql://user:password@db1:5432,db2:5432/database';
  if (isOfStandbys) return null;
  const wanted = new URL(named[0]?.url ?? text).searchParams.get('target_session_attrs');
  return wanted === null || wanted === 'read-write' || wanted === 'primary'
    ? null
    : 'may leave target_session_attrs out, or say read-write: of several hosts the one that takes writes is meant';
}

function namedHosts(text: string): DatabaseHost[] {
  const [, scheme = '', user = '', authority = '', path = '', search = ''] = parts.exec(text) ?? [];
  const parameters = new URLSearchParams(search);
  const listed = parameters.get('host') ?? '';
  if (!listed.includes(','))
    return authority
      .split(',')
      .map((name) => ({ name, url: `${scheme}${user}${name}${path}${search}` }));
  const ports = (parameters.get('port') ?? '').split(',');
  parameters.delete('host');
  parameters.delete('port');
  const rest = parameters.size > 0 ? `?${parameters}` : '';
  return listed.split(',').map((host, at) => {
    const port = ports.length === 1 ? ports[0] : ports[at];
    const name = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}${port ? `:${port}` : ''}`;
    return { name, url: `${scheme}${user}${name}${path}${rest}` };
  });
}
