interface Kept {
  value: string;
  path: string;
}

/** What a browser was answered. */
export interface BrowserAnswer {
  status: number;
  text: string;
  headers: Headers;
  /** Where it was sent on to; it does not go there by itself. */
  location: string | null;
}

/** A browser without scripts: it keeps cookies by their paths, and sends forms. */
export interface Browser {
  get(path: string, headers?: Record<string, string>): Promise<BrowserAnswer>;
  /** A list is a name that is repeated. */
  post(
    path: string,
    form?: Readonly<Record<string, string | readonly string[]>>,
    headers?: Record<string, string>,
  ): Promise<BrowserAnswer>;
  /** As htmx sends a form. */
  htmxPost(
    path: string,
    form: Readonly<Record<string, string | readonly string[]>>,
  ): Promise<BrowserAnswer>;
  /** By name; of one whose path is longer. */
  cookie(name: string): string | undefined;
  setCookie(name: string, value: string, path: string): void;
  /** With these cookies of its own, from now on apart. */
  copy(): Browser;
}

export function openBrowser(origin: string, given: ReadonlyMap<string, Kept> = new Map()): Browser {
  const jar = new Map(given);
  const send = async (path: string, init: RequestInit): Promise<BrowserAnswer> => {
    const isOf = ({ path: kept }: Kept) =>
      path === kept ||
      path.startsWith(kept.endsWith('/') ? kept : `${kept}/`) ||
      path.startsWith(`${kept}?`);
    const cookie = [...jar]
      .filter(([, kept]) => isOf(kept))
      .sort(([, one], [, other]) => other.path.length - one.path.length)
      .map(([name, { value }]) => `${name.split(' ')[0]}=${value}`)
      .join('; ');
    const answer = await fetch(`${origin}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { ...(cookie && { cookie }), ...(init.headers as Record<string, string>) },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(/;\s*/);
      const end = pair.indexOf('=');
      const of = (name: string) =>
        attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
      const at = of('path') ?? '/';
      const key = `${pair.slice(0, end)} ${at}`;
      const isOver =
        Number(of('max-age') ?? 1) <= 0 || Date.parse(of('expires') ?? '9999') < Date.now();
      if (isOver) jar.delete(key);
      else jar.set(key, { value: pair.slice(end + 1), path: at });
    }
    return {
      status: answer.status,
      text: await answer.text(),
      headers: answer.headers,
      location: answer.headers.get('location'),
    };
  };
  return {
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, form = {}, headers = {}) => {
      const body = new URLSearchParams(pairsOf(form)).toString();
      return send(path, { method: 'POST', body, headers: { ...formType, ...headers } });
    },
    htmxPost: (path, form) => {
      const body = pairsOf(form)
        .map((pair) => pair.map(encodeURIComponent).join('='))
        .join('&');
      const headers = { ...formType, 'hx-request': 'true' };
      return send(path, { method: 'POST', body, headers });
    },
    cookie: (name) => [...jar].find(([key]) => key.startsWith(`${name} `))?.[1].value,
    setCookie: (name, value, path) => void jar.set(`${name} ${path}`, { value, path }),
    copy: () => openBrowser(origin, jar),
  };
}

const formType = { 'content-type': 'application/x-www-form-urlencoded' };

function pairsOf(form: Readonly<Record<string, string | readonly string[]>>): [string, string][] {
  return Object.entries(form).flatMap(([name, value]) =>
    [value].flat().map((text): [string, string] => [name, String(text)]),
  );
}
