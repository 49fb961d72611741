import type { AskedPeople } from '../auth/people.ts';
import { didYouMean } from '../nearest.ts';
import { type FullRule, type Notify, noChannel, notifyProblems, rulesOf } from '../notify.ts';
import type { Resource } from '../resources/contract.ts';
import { DefinitionError } from '../resources/problems.ts';
import type { TaskDefinitions } from '../task-definitions/task-definitions.ts';
import type { Channel, Channels } from './contract.ts';
import { channelProblems } from './define-channel.ts';
import { emailChannel } from './email.ts';
import { message } from './message.ts';
import type { ChannelSettings } from './settings.ts';
import { webhookChannel } from './webhook.ts';

/** What an admin says of them. */
export interface ChannelParts {
  /** Of the admin as a whole. */
  notify?: Notify | undefined;
  /** Of the project's own. */
  own?: readonly Channel[] | undefined;
  /** Nearer than that: of resources, and of tasks of the project's own. */
  resources?: readonly Pick<Resource, 'slug' | 'model' | 'notify'>[];
  definitions?: TaskDefinitions;
  people: Pick<AskedPeople, 'usersWithRole'>;
  settings: ChannelSettings;
}

/** Bulkhead's own, by their names, with the settings that each needs. */
const builtIn: Readonly<
  Record<
    string,
    { needs: readonly (keyof ChannelSettings)[]; build: (settings: ChannelSettings) => Channel }
  >
> = {
  message: { needs: [], build: () => message },
  email: {
    needs: ['BULKHEAD_SMTP_URL', 'BULKHEAD_MAIL_FROM', 'BULKHEAD_BASE_URL'],
    build: emailChannel,
  },
  webhook: {
    needs: ['BULKHEAD_WEBHOOK_URL', 'BULKHEAD_WEBHOOK_SECRET'],
    build: webhookChannel,
  },
};

export const builtInNames: readonly string[] = Object.keys(builtIn);

/** Composes them; what cannot be told is refused, all of it at once, in a DefinitionError. */
export function buildChannels(parts: ChannelParts): Channels {
  const { own = [], people, settings } = parts;
  const levels = levelsOf(parts);
  refuse([
    ...channelProblems(own, builtInNames),
    ...levels.flatMap(({ level, notify }) =>
      notifyProblems(notify).map((problem) => `${level}: ${problem}`),
    ),
  ]);
  const ruled = levels.map((one) => ({ ...one, rules: rulesOf(one.notify) }));
  const used = new Set(ruled.flatMap(({ rules }) => rules.flatMap(({ channels }) => channels)));
  const list = [
    ...[...used].flatMap((name) => builtIn[name]?.build(settings) ?? []),
    ...own.filter(({ name }) => used.has(name)),
  ];
  const names = [...builtInNames, noChannel, ...own.map(({ name }) => name)];
  refuse([
    ...ruled.flatMap(({ level, rules }) =>
      rules.flatMap((rule) => {
        const reason = whyNot(rule, list, names, people);
        return reason ? [`${level}: ${reason}`] : [];
      }),
    ),
    ...[...used].flatMap((name) => missingOf(name, settings)),
  ]);
  return {
    list,
    rulesFor: (task) => ruled.find(({ isOf }) => isOf(task))?.rules ?? [],
  };
}

interface Level {
  /** As problems name it. */
  level: string;
  notify: Notify;
  isOf: (task: { resource: string | null; operation: string }) => boolean;
}

/** The nearest first: those that say something. */
function levelsOf({ notify, resources = [], definitions = new Map() }: ChannelParts): Level[] {
  const all = [
    ...[...definitions].map(([name, { options }]) => ({
      level: `Task ${name}, notify`,
      notify: options.notify,
      isOf: ({ resource, operation }: { resource: string | null; operation: string }) =>
        resource === null && operation === name,
    })),
    ...resources.map(({ slug, model, notify: given }) => ({
      level: `Resource ${model.name}, notify`,
      notify: given,
      isOf: ({ resource }: { resource: string | null }) => resource === slug,
    })),
    { level: 'Admin, notify', notify, isOf: () => true },
  ];
  return all.flatMap((one) => (one.notify === undefined ? [] : [{ ...one, notify: one.notify }]));
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new DefinitionError(problems);
}

/** A sentence where settings that a channel needs are not there. */
function missingOf(name: string, settings: ChannelSettings): string[] {
  const missing = (builtIn[name]?.needs ?? []).filter((need) => settings[need] === undefined);
  return missing.length === 0 ? [] : [`Channel ${name}: it needs ${missing.join(' and ')}.`];
}

function whyNot(
  { channels, to }: FullRule,
  list: readonly Channel[],
  names: readonly string[],
  people: ChannelParts['people'],
): string | null {
  for (const name of channels) {
    const channel = list.find((one) => one.name === name);
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
