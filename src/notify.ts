import { unknownOptions } from './nearest.ts';

/**
 * Who is told of the end of a task: whoever launched it, everybody with a role, an address. Of what
 * the system launched, as schedules do, `starter` is the role `operators`, or `admin` where nobody
 * has that.
 */
export type NotifyRecipient = 'starter' | { readonly role: string } | { readonly address: string };

/** When a task has ended, these channels tell these people. */
export interface NotifyRule {
  /** Names of channels: `message`, or of one of your own. */
  readonly by: string | readonly string[];
  /** Default: `starter`. */
  readonly to?: NotifyRecipient | readonly NotifyRecipient[];
  /** Default: `always`. Failures are what failed, what succeeded in part, and what nobody cancelled. */
  readonly when?: 'always' | 'failures';
  /** Only of what ran for so many milliseconds or longer. Default: 0. */
  readonly longerThanMs?: number;
}

/** Rules, or names of channels that tell whoever launched it; `none`: nobody is told. */
export type Notify = string | NotifyRule | readonly (string | NotifyRule)[];

/** The channel that tells nobody. */
export const noChannel = 'none';

/** A rule with nothing left out. */
export interface FullRule extends Required<Omit<NotifyRule, 'by' | 'to'>> {
  readonly channels: readonly string[];
  readonly to: readonly NotifyRecipient[];
}

const listOf = <T>(given: T | readonly T[]): readonly T[] =>
  Array.isArray(given) ? given : [given as T];

export function rulesOf(notify: Notify): readonly FullRule[] {
  return listOf<string | NotifyRule>(notify).map((given) => {
    const rule = typeof given === 'string' ? { by: given } : given;
    return {
      channels: listOf(rule.by).filter((name) => name !== noChannel),
      to: listOf(rule.to ?? 'starter'),
      when: rule.when ?? 'always',
      longerThanMs: rule.longerThanMs ?? 0,
    };
  });
}

const isText = (value: unknown) => typeof value === 'string' && value.trim() !== '';

/** What is wrong with the shape of rules, each in a sentence; which channels there are is not asked. */
export function notifyProblems(given: unknown): string[] {
  if (given === undefined) return [];
  return listOf(given).flatMap((one) => {
    if (isText(one)) return [];
    if (typeof one !== 'object' || one === null)
      return ['must be names of channels, or rules: { by, to, when, longerThanMs }.'];
    const { by, to, when, longerThanMs } = one as Record<string, unknown>;
    const names = listOf(by);
    return [
      ...unknownOptions(one, ['by', 'to', 'when', 'longerThanMs']),
      ...(names.length > 0 && names.every(isText) ? [] : ['by must be names of channels.']),
      ...(to === undefined || listOf(to).every(isRecipient)
        ? []
        : ['to must be "starter", { role } or { address }, or a list of these.']),
      ...(when === undefined || when === 'always' || when === 'failures'
        ? []
        : ['when must be "always" or "failures".']),
      ...(longerThanMs === undefined || (Number.isFinite(longerThanMs) && Number(longerThanMs) >= 0)
        ? []
        : ['longerThanMs must be a number of milliseconds, 0 or more.']),
    ];
  });
}

function isRecipient(given: unknown): boolean {
  if (given === 'starter') return true;
  if (typeof given !== 'object' || given === null) return false;
  const [[name, value] = [], ...more] = Object.entries(given);
  return more.length === 0 && (name === 'role' || name === 'address') && isText(value);
}
