import { BoundedMap } from '../bounded-map.ts';
import { limits } from '../limits.ts';

interface AccountFailures {
  failures: number;
  /** When the next attempt may be made. */
  nextAt: number;
  /** When its failures are forgotten. */
  until: number;
}

/**
 * Once some attempts for an account have failed, its attempts take turns, one a second, from
 * however many addresses they come. Nobody is locked out: whoever waits is served, and a browser
 * that has signed in before has turns of its own.
 */
export class AccountTurns {
  readonly #accounts = new BoundedMap<string, AccountFailures>(limits.signIn.watchedAccounts);

  /** Milliseconds to wait for a turn; null: too many wait before. */
  take(account: string, now: number): number | null {
    const known = this.#accounts.get(account);
    if (!known || known.until <= now || known.failures < limits.signIn.freeAttempts) return 0;
    const at = Math.max(now, known.nextAt);
    if (at - now > limits.signIn.maxTurnMs) return null;
    known.nextAt = at + limits.signIn.attemptEveryMs;
    return at - now;
  }

  failed(account: string, now: number): void {
    const known = this.#accounts.get(account);
    const counted = known && known.until > now ? known : { failures: 0, nextAt: now };
    // The latest stand last, so that the oldest is the first to go.
    this.#accounts.delete(account);
    this.#accounts.set(account, {
      ...counted,
      failures: counted.failures + 1,
      until: now + limits.signIn.failuresKeptMs,
    });
  }

  /** Its owner came in. */
  succeeded(account: string): void {
    this.#accounts.delete(account);
  }

  get size(): number {
    return this.#accounts.size;
  }
}
