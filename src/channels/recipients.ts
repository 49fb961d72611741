import type { Principal } from '../auth/principal.ts';
import { isSystem } from '../auth/system-principal.ts';
import type { FullRule, NotifyRecipient } from '../notify.ts';
import type { TaskEvent } from '../task-definitions/task-hooks.ts';
import type { TaskContext } from '../tasks/context.ts';
import type { TaskRow } from '../tasks/task-row.ts';
import { seesTask } from '../tasks/who-sees.ts';
import { systemStarter } from './channels.ts';
import type { Channel } from './contract.ts';

/** One whom a channel is to tell. */
export interface Recipient {
  readonly channel: Channel;
  /** Id of a person, an address, or empty: the channel's own place. */
  readonly recipient: string;
  readonly person: Principal | null;
}

/** Whom the rules would have told of the end of a task, each once a channel. */
export async function recipientsOf(
  context: TaskContext,
  task: TaskRow,
  event: TaskEvent,
): Promise<Recipient[]> {
  const found = new Map<string, Recipient>();
  for (const rule of context.channels.rulesFor(task)) {
    if (!isOf(rule, task, event)) continue;
    for (const name of rule.channels) {
      const channel = context.channels.list.find((one) => one.name === name);
      if (!channel) continue;
      for (const one of await reachedBy(context, channel, rule.to, task))
        found.set(JSON.stringify([name, one.recipient]), { channel, ...one });
    }
  }
  return [...found.values()].filter(({ person }) => isNews(context, person, task, event));
}

/** Whoever has cancelled a task knows it; whoever may not see it is not to know. */
function isNews(
  context: TaskContext,
  person: Principal | null,
  task: TaskRow,
  { name, by }: TaskEvent,
): boolean {
  if (person === null) return true;
  if (name === 'task:cancelled' && by?.id === person.id) return false;
  return seesTask(context, person, task);
}

/** What ended otherwise than it should have. */
export function isFailure({ name, by }: Pick<TaskEvent, 'name' | 'by'>): boolean {
  return name === 'task:cancelled' ? by === null : name !== 'task:succeeded';
}

function isOf(
  { when, longerThanMs }: Pick<FullRule, 'when' | 'longerThanMs'>,
  { startedAt, createdAt, finishedAt }: TaskRow,
  event: TaskEvent,
): boolean {
  const ranMs = (finishedAt ?? event.at).getTime() - (startedAt ?? createdAt).getTime();
  return ranMs >= longerThanMs && (when === 'always' || isFailure(event));
}

async function reachedBy(
  { people }: Pick<TaskContext, 'people'>,
  { reaches }: Channel,
  to: readonly NotifyRecipient[],
  { principal }: TaskRow,
): Promise<{ recipient: string; person: Principal | null }[]> {
  if (reaches === 'one-place') return [{ recipient: '', person: null }];
  const reached: { recipient: string; person: Principal | null }[] = [];
  for (const one of to) {
    const whom = one === 'starter' && isSystem(principal) ? systemStarter : one;
    if (whom === 'starter') reached.push({ recipient: principal.id, person: principal });
    else if ('address' in whom) reached.push({ recipient: whom.address, person: null });
    else
      for (const person of (await people.usersWithRole?.(whom.role)) ?? [])
        reached.push({ recipient: person.id, person });
  }
  return reached;
}
