import type { AskedPeople } from '../auth/people.ts';
import { didYouMean } from '../nearest.ts';
import { type FullRule, type Notify, noChannel, notifyProblems, rulesOf } from '../notify.ts';
import { DefinitionError } from '../resources/problems.ts';
import type { Channel, Channels } from './contract.ts';
import { message } from './message.ts';

/** What an admin says of them. */
export interface ChannelParts {
  /** Of the admin as a whole. */
  notify?: Notify | undefined;
  people: Pick<AskedPeople, 'usersWithRole'>;
}

/** Bulkhead's own, by their names. */
const builtIn: Readonly<Record<string, Channel>> = { [message.name]: message };

/** Whom a channel is to tell that the system's own tasks have ended. */
export const systemStarter = { role: 'operators' } as const;

/** Composes them; what cannot be told is refused, all of it at once, in a DefinitionError. */
export function buildChannels({ notify, people }: ChannelParts): Channels {
  const levels: readonly (readonly [name: string, notify: Notify | undefined])[] = [
    ['Admin, notify', notify],
  ];
  const problems = levels.flatMap(([level, given]) =>
    notifyProblems(given).map((problem) => `${level}: ${problem}`),
  );
  if (problems.length > 0) throw new DefinitionError(problems);
  const rules = new Map<string, readonly FullRule[]>();
  for (const [level, given] of levels) {
    if (given === undefined) continue;
    rules.set(level, rulesOf(given));
    for (const rule of rules.get(level) ?? []) {
      const reason = whyNot(rule, people);
      if (reason) problems.push(`${level}: ${reason}`);
    }
  }
  if (problems.length > 0) throw new DefinitionError(problems);
  const used = new Set([...rules.values()].flat().flatMap(({ channels }) => channels));
  return {
    list: Object.values(builtIn).filter(({ name }) => used.has(name)),
    rulesFor: () => rules.get('Admin, notify') ?? [],
  };
}

function whyNot({ channels, to }: FullRule, people: ChannelParts['people']): string | null {
  const names = [...Object.keys(builtIn), noChannel];
  for (const name of channels) {
    const channel = builtIn[name];
    if (!channel) return `there is no channel "${name}".${didYouMean(name, names)}`;
    for (const recipient of to) {
      const reason = recipient === 'starter' ? null : whyNotTo(channel, recipient);
      if (reason) return reason;
    }
  }
  const asksRole = to.some((one) => typeof one === 'object' && 'role' in one);
  return asksRole && !people.usersWithRole
    ? 'who has a role cannot be asked: people has no usersWithRole.'
    : null;
}

function whyNotTo(
  { name, reaches }: Channel,
  recipient: { role: string } | { address: string },
): string | null {
  if (reaches === 'one-place') return `${name} goes to a place of its own: it takes no "to".`;
  if ('address' in recipient && reaches === 'people')
    return `${name} tells people who sign in, and no address.`;
  return null;
}
