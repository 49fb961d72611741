import { createHash, timingSafeEqual } from 'node:crypto';
import { retryAfterSeconds } from '../limits.ts';
import type { Meters } from '../tasks/meters.ts';
import type { Readiness } from './readiness.ts';

/** Paths that whoever watches a process asks. */
export const probePaths = ['/healthz', '/readyz', '/metrics'] as const;

export type ProbePath = (typeof probePaths)[number];

export interface ProbeParts {
  readonly readiness: Readiness;
  readonly meters: Pick<Meters, 'read'>;
  /** Who gives it sees more; null: nobody does. */
  readonly token: string | null;
}

export interface ProbeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The same of pages and of workers. `/healthz` is the process alone: no database is asked. */
export async function answerProbe(
  path: ProbePath,
  authorization: string | undefined,
  { readiness, meters, token }: ProbeParts,
): Promise<ProbeAnswer> {
  const isTrusted = token !== null && isToken(authorization, token);
  if (path === '/healthz') return json(200, { ok: true });
  if (path === '/readyz') {
    const { isReady, ...details } = await readiness.read();
    const body = { ok: isReady, ...(isTrusted && details) };
    if (isReady) return json(200, body);
    return json(503, body, { 'retry-after': String(retryAfterSeconds) });
  }
  if (token === null) return json(404, { error: 'not-found' });
  if (!isTrusted) return json(401, { error: 'signed-out' }, { 'www-authenticate': 'Bearer' });
  const { type, text } = await meters.read();
  return { status: 200, headers: { ...plain, 'content-type': type }, body: text };
}

const plain = { 'cache-control': 'no-store' };

function json(status: number, body: object, more: Record<string, string> = {}): ProbeAnswer {
  const headers = { ...plain, 'content-type': 'application/json; charset=utf-8', ...more };
  return { status, headers, body: JSON.stringify(body) };
}

/** Takes as long whatever is given. */
function isToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(.*)$/i.exec(authorization ?? '')?.[1] ?? '';
  const [one, other] = [given, token].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(one as Buffer, other as Buffer);
}
