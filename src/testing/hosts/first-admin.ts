import assert from 'node:assert/strict';
import type { RunningCommand } from '../command.ts';
import { readable, type SiteVisitor, visitSite } from './site-visitor.ts';

const ada = { email: 'first@example.com', password: 'correct horse battery' };

/** Signs in as the first admin, by the link that a command printed, now or before. */
export async function firstAdmin({ address, text }: RunningCommand): Promise<SiteVisitor> {
  const visitor = visitSite(address);
  const link = /http\S+(\/\S*\?token=\S+)/.exec(text())?.[1];
  const page = await visitor.open(link ?? '/sign-in');
  const signedIn = await visitor.send(page, /first-admin|sign-in/, {
    ...(link ? { name: 'Ada' } : {}),
    ...ada,
  });
  assert.equal(signedIn.status, 200, readable(signedIn));
  return visitor;
}
