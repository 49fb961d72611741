import type { Principal } from '../../auth/principal.ts';
import type { Unseen } from '../../auth/unseen.ts';
import type { RouteOptions } from '../route-options.ts';

/** Who asks for what moves by itself on their page. */
export interface LiveAsking extends Pick<RouteOptions, 'admin' | 'context' | 'url' | 'secret'> {
  principal: Principal;
  /** What is to be read, where the bell is asked for; null: there is no bell. */
  unseen: () => Promise<Unseen | null>;
  now: Date;
}

/** An event that the page hears of, and its detail. */
export type PageEvent = [event: string, detail: unknown];
