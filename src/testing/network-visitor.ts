import { csrfOf } from './app.ts';

/** As much of an answer as tests look at, whichever way it came. */
export interface Answer {
  statusCode: number;
  body: string;
  headers: Readonly<Record<string, unknown>>;
  json(): { [name: string]: unknown };
}

/** Somebody signed in over the network. */
export interface NetworkVisitor {
  readonly csrf: string;
  send(
    method: 'GET' | 'POST',
    path: string,
    options?: { headers?: Record<string, string>; payload?: string },
  ): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(
    path: string,
    body?: Record<string, string | readonly string[]>,
    headers?: Record<string, string>,
  ): Promise<Answer>;
}

const formType = 'application/x-www-form-urlencoded';

export async function signInOver(
  address: string,
  email: string,
  password: string,
): Promise<NetworkVisitor> {
  let cookie = '';
  let csrf = '';
  const send: NetworkVisitor['send'] = async (method, path, { headers = {}, payload } = {}) => {
    const answer = await fetch(`${address}${path}`, {
      method,
      redirect: 'manual',
      headers: { cookie, ...headers },
      ...(payload === undefined ? {} : { body: payload }),
    });
    const body = await answer.text();
    const set = answer.headers.getSetCookie().map((text) => text.split(';')[0]);
    if (csrf === '' && set.length > 0) cookie = set.join('; ');
    return {
      statusCode: answer.status,
      body,
      headers: Object.fromEntries(answer.headers),
      json: () => JSON.parse(body),
    };
  };
  const post: NetworkVisitor['post'] = (path, body = {}, headers = {}) => {
    const pairs = Object.entries({ _csrf: csrf, ...body }).flatMap(([name, value]) =>
      [value].flat().map((one) => [name, String(one)]),
    );
    return send('POST', path, {
      headers: { 'content-type': formType, ...headers },
      payload: new URLSearchParams(pairs).toString(),
    });
  };
  const form = await send('GET', '/sign-in');
  const signedIn = await post('/sign-in', { email, password, _csrf: csrfOf(form.body) });
  if (signedIn.statusCode !== 303)
    throw new Error(`signing in was answered ${signedIn.statusCode}: ${signedIn.body}`);
  csrf = csrfOf((await send('GET', '/')).body);
  return {
    csrf,
    send,
    post,
    get: (path, headers) => send('GET', path, headers ? { headers } : {}),
  };
}
