import type { IncomingMessage } from 'node:http';
import type { Principal } from 'bulkhead';
import type { Request, Response } from 'express';

/** Who is there, by what they sign in with. */
const people = new Map<string, Principal>([
  ['ada-signs-in', { id: 'ada', name: 'Ada', roles: ['admin'] }],
]);

export const home = `<!doctype html>
<title>Library</title>
<h1>The library</h1>
<form method="post" action="/sign-in"><input type="password" name="password"><button>Sign in</button></form>
`;

export function signIn(request: Request, response: Response): void {
  const { password } = request.body as { password: string };
  if (!people.has(password)) return void response.status(422).send('Who?');
  response.cookie('who', password, { httpOnly: true, sameSite: 'lax' }).redirect('/');
}

export function getUser({ headers }: IncomingMessage): Principal | null {
  const who = /(?:^|; )who=([^;]+)/.exec(headers.cookie ?? '')?.[1] ?? '';
  return people.get(who) ?? null;
}

export function refreshUser(id: string): Principal | null {
  return [...people.values()].find((one) => one.id === id) ?? null;
}
