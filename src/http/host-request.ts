import type { IncomingMessage } from 'node:http';
import type { Principal } from '../auth/principal.ts';

/** What the app that ours is mounted in says of a request that it hands over. */
export interface HostRequest {
  readonly id?: string | undefined;
  /** Of who asks, as the app believes its proxies. */
  readonly ip?: string | undefined;
  readonly protocol?: string | undefined;
  readonly host?: string | undefined;
  /** Null: nobody is signed in. */
  principal(): unknown;
  /** What the app has read of its body; null: nothing, so that it can be read. */
  readonly body: GivenBody | null;
}

/** The bytes of a form; unknown: they are gone, and what was made of them may be another form. */
export type GivenBody = Buffer | 'unknown';

const handedOver = new WeakMap<IncomingMessage, HostRequest>();

export function noteHostRequest(raw: IncomingMessage, request: HostRequest): void {
  handedOver.set(raw, request);
}

/** Undefined: it came by itself. */
export function hostRequestOf(raw: IncomingMessage): HostRequest | undefined {
  return handedOver.get(raw);
}

/** Who asks, as the app says whose request it was. */
export async function principalOfHost(raw: IncomingMessage): Promise<Principal | null> {
  try {
    return ((await hostRequestOf(raw)?.principal()) ?? null) as Principal | null;
  } catch (error) {
    // What verifies a token throws where there is none that counts.
    if ((error as { statusCode?: unknown } | null)?.statusCode === 401) return null;
    throw error;
  }
}
