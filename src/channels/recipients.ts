import type { Principal } from '../auth/principal.ts';
import { isSystem } from '../auth/system-principal.ts';
import type { FullRule, NotifyRecipient } from '../notify.ts';
import type { TaskEvent } from '../task-definitions/task-hooks.ts';
import type { TaskContext } from '../tasks/context.ts';
import type { TaskRow } from '../tasks/task-row.ts';
import { seesTask } from '../tasks/who-sees.ts';
import type { Channel } from './contract.ts';
import { choosableChannels, type Preference, preferencesOf } from './preferences.ts';

/** One whom a channel is to tell. */
export interface Recipient {
  readonly channel: Channel;
  /** Id of a person, an address, or empty: the channel's own place. */
  readonly recipient: string;
  readonly person: Principal | null;
}

/** One whom rules name, whether they are of this end or not. */
interface Candidate extends Recipient {
  isRuled: boolean;
}

/**
 * Whom the rules would have told of the end of a task, each once a channel, as far as they want to
 * be.
 */
export async function recipientsOf(
  context: TaskContext,
  task: TaskRow,
  event: TaskEvent,
): Promise<Recipient[]> {
  const rules = context.channels.rulesFor(task);
  if (rules.length === 0) return [];
  const candidates = await candidatesOf(context, rules, task, event);
  const people = candidates.flatMap(({ person }) => person?.id ?? []);
  const chosen = people.length === 0 ? new Map() : await preferencesOf(context, people);
  return candidates.filter(
    ({ channel, person, isRuled }) =>
      isWanted(preferenceOf(chosen, person, channel), person, isRuled, task, event) &&
      isNews(context, person, task, event),
  );
}

function preferenceOf(
  chosen: ReadonlyMap<string, readonly Preference[]>,
  person: Principal | null,
  { name }: Channel,
): Preference | null {
  if (person === null) return null;
  return chosen.get(person.id)?.find(({ channel }) => channel === name) ?? null;
}

/**
 * Everybody whom a rule names, and whoever launched it by each channel that they may choose: unless
 * the rules say that of this task nobody is told.
 */
async function candidatesOf(
  context: TaskContext,
  rules: readonly FullRule[],
  task: TaskRow,
  event: TaskEvent,
): Promise<Candidate[]> {
  const found = new Map<string, Candidate>();
  const add = (one: Candidate) => {
    const key = JSON.stringify([one.channel.name, one.recipient]);
    found.set(key, { ...one, isRuled: one.isRuled || (found.get(key)?.isRuled ?? false) });
  };
  for (const rule of rules) {
    const isRuled = isOf(rule, task, event);
    for (const channel of context.channels.list.filter(({ name }) => rule.channels.includes(name)))
      for (const one of await reachedBy(context, channel, rule.to, task.principal))
        add({ channel, ...one, isRuled });
  }
  const { principal } = task;
  const isSilent = rules.every(({ channels }) => channels.length === 0);
  if (!isSilent && !isSystem(principal))
    for (const channel of choosableChannels(context))
      add({ channel, recipient: principal.id, person: principal, isRuled: false });
  return [...found.values()];
}

/**
 * What somebody has chosen decides of tasks that they have launched; of others it leaves out, and
 * adds nothing.
 */
function isWanted(
  preference: Preference | null,
  person: Principal | null,
  isRuled: boolean,
  task: TaskRow,
  event: TaskEvent,
): boolean {
  if (preference === null || preference.when === 'as-ruled') return isRuled;
  const { when, longerThanMs } = preference;
  if (when === 'never') return false;
  const isTheirs = task.principal.id === person?.id;
  return (isTheirs || isRuled) && isOf({ when, longerThanMs }, task, event);
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
function isFailure({ name, by }: Pick<TaskEvent, 'name' | 'by'>): boolean {
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

/** By a channel, of those whom a rule names. */
export async function reachedBy(
  { people }: Pick<TaskContext, 'people'>,
  { reaches }: Channel,
  to: readonly NotifyRecipient[],
  principal: Principal,
): Promise<{ recipient: string; person: Principal | null }[]> {
  if (reaches === 'one-place') return [{ recipient: '', person: null }];
  const reached: { recipient: string; person: Principal | null }[] = [];
  for (const one of to) {
    if (typeof one === 'object' && 'address' in one)
      reached.push({ recipient: one.address, person: null });
    else
      for (const person of await personsOf(people, one, principal))
        reached.push({ recipient: person.id, person });
  }
  return reached;
}

/** Of what the system launched, those of the first of these whom there are. */
const operatorRoles = ['operators', 'admin'];

async function personsOf(
  { usersWithRole }: TaskContext['people'],
  whom: 'starter' | { readonly role: string },
  launcher: Principal,
): Promise<readonly Principal[]> {
  if (whom === 'starter' && !isSystem(launcher)) return [launcher];
  for (const role of whom === 'starter' ? operatorRoles : [whom.role]) {
    const found = (await usersWithRole?.(role)) ?? [];
    if (found.length > 0) return found;
  }
  return [];
}
