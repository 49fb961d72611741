import { unknownOptions } from '../nearest.ts';
import { noChannel } from '../notify.ts';
import type { Channel, Notice } from './contract.ts';

/**
 * Declares a channel of your own: a pager, a chat. List it among the `channels` of `defineAdmin` and
 * name it in `notify`.
 *
 * @param channel its name, whom it reaches, and what sends
 * @returns the same, frozen
 *
 * @example
 * export const chat = defineChannel({
 *   name: 'chat',
 *   label: 'Team chat',
 *   reaches: 'people',
 *   async send({ notices: [notice], person }) {
 *     const text = `${notice.task.title}: ${notice.task.state}`;
 *     const answer = await fetch('https://chat.example.com/messages', {
 *       method: 'POST',
 *       body: JSON.stringify({ to: person?.email, text, id: notice.id }),
 *     });
 *     if (!answer.ok) throw new Error(`It was answered ${answer.status}.`);
 *   },
 * });
 */
export function defineChannel(channel: Channel): Channel {
  return Object.freeze({ ...channel });
}

/**
 * Declares a channel that calls a function, once for each task that has ended.
 *
 * @param name by which `notify` names it
 * @param call what it calls: at least once, again where it throws
 * @returns the channel
 *
 * @example
 * export const ledger = defineCallback('ledger', async ({ id, task }, { client }) => {
 *   console.log(id, task.title, task.state, client);
 * });
 */
export function defineCallback(
  name: string,
  call: (notice: Notice, at: Parameters<Channel['send']>[1]) => Promise<void> | void,
): Channel {
  return defineChannel({
    name,
    reaches: 'one-place',
    send: ({ notices: [notice] }, at) => call(notice, at),
  });
}

const options: Readonly<Record<keyof Channel, true>> = {
  name: true,
  label: true,
  reaches: true,
  gatherMs: true,
  send: true,
  alert: true,
};

/** What is wrong with channels of a project's own, each in a sentence. */
export function channelProblems(given: unknown, taken: readonly string[]): string[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) return ['channels must be a list of what defineChannel makes.'];
  return given.flatMap((channel: Partial<Channel> | null, index) => {
    const known = [...taken, noChannel, ...given.slice(0, index).map((one) => one?.name)];
    const reason = whyNot(channel ?? {}, known);
    return reason ? [`channels[${index}]: ${reason}`] : [];
  });
}

function whyNot(
  channel: Partial<Record<keyof Channel, unknown>>,
  taken: readonly unknown[],
): string | null {
  const { name, label, reaches, gatherMs, send, alert } = channel;
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]{0,49}$/.test(name))
    return 'its name begins with a small letter and has small letters, digits and hyphens, at most 50.';
  if (taken.includes(name)) return `another channel has the name "${name}".`;
  if (label !== undefined && (typeof label !== 'string' || label.trim() === ''))
    return 'label must be a text.';
  if (reaches !== 'people' && reaches !== 'addresses' && reaches !== 'one-place')
    return 'reaches must be "people", "addresses" or "one-place".';
  if (gatherMs !== undefined && !(Number.isFinite(gatherMs) && Number(gatherMs) >= 0))
    return 'gatherMs must be a number of milliseconds, 0 or more.';
  if (typeof send !== 'function') return 'send must be a function.';
  if (alert !== undefined && typeof alert !== 'function') return 'alert must be a function.';
  return unknownOptions(channel, Object.keys(options))[0] ?? null;
}
