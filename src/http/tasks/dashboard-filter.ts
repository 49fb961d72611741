import type { Principal } from '../../auth/principal.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { newestSearched, taskSorts } from '../../tasks/looking/find-tasks.ts';
import type { AliveWorker } from '../../tasks/looking/list-workers.ts';
import {
  type FilterName,
  filterNames,
  isFiltered,
  type TasksQuery,
  tasksSearch,
} from '../../tasks/looking/tasks-query.ts';
import { type TaskState, taskStates } from '../../tasks/states.ts';
import type { Url } from '../url.ts';
import { dashboardTexts } from './dashboard-filter-texts.ts';
import { findResource } from './task-filter.ts';
import { taskTexts } from './tasks-texts.ts';

interface DashboardOption {
  value: string;
  label: string;
  isChosen: boolean;
}

export interface DashboardControl {
  name: FilterName;
  label: string;
  /** `select`, or the type of an input. */
  type: 'select' | 'text' | 'search' | 'number' | 'date';
  value: string;
  hint: string | null;
  options: readonly DashboardOption[];
}

/** The form of the dashboard, which is a GET, and what it says now, each to be taken away. */
export interface DashboardFilter {
  action: string;
  controls: readonly DashboardControl[];
  states: readonly DashboardOption[];
  sorts: readonly DashboardOption[];
  chips: readonly { text: string; href: string; label: string }[];
  clear: { href: string; label: string };
  words: {
    filter: string;
    submit: string;
    any: string;
    state: string;
    sort: string;
    chips: string;
  };
}

interface FilterParts {
  registry: ResourceRegistry;
  principal: Principal;
  url: Url;
  /** Of those who see every task. */
  schedules: readonly string[];
  workers: readonly AliveWorker[];
}

type ValueAndLabel = readonly [value: string, label: string];

export function dashboardFilter(query: TasksQuery, parts: FilterParts): DashboardFilter {
  const { url } = parts;
  const controls = filterNames.flatMap((name) => controlOf(name, query, parts) ?? []);
  const { filter, filterButton, anyOf, state, sort, chips, removeAll } = dashboardTexts;
  return {
    action: url('/tasks'),
    controls,
    states: (Object.keys(taskStates) as TaskState[]).map((value) => ({
      value,
      label: taskTexts.states[value],
      isChosen: query.states.includes(value),
    })),
    sorts: taskSorts.map((value) => ({
      value,
      label: dashboardTexts.sorts[value],
      isChosen: query.sort === value,
    })),
    chips: isFiltered(query) ? chipsOf(query, controls, url) : [],
    clear: {
      href: url(`/tasks${tasksSearch({ ...query, page: 1, states: [], given: {} })}`),
      label: removeAll,
    },
    words: { filter, submit: filterButton, any: anyOf, state, sort, chips },
  };
}

function controlOf(
  name: FilterName,
  { given }: TasksQuery,
  parts: FilterParts,
): DashboardControl | null {
  const value = given[name] ?? '';
  const choices = choicesOf(name, parts);
  // What somebody else has sent on is no less a filter.
  if (choices?.length === 0 && value === '') return null;
  const known = choices?.some(([one]) => one === value) || value === '';
  const { hints } = dashboardTexts;
  const hint = name in hints ? hints[name as keyof typeof hints] : null;
  return {
    name,
    label: dashboardTexts.fields[name],
    type: choices ? 'select' : typeOf(name, value),
    value,
    hint: typeof hint === 'function' ? hint(newestSearched) : hint,
    options: [...(choices ?? []), ...(known || !choices ? [] : [[value, value] as const])].map(
      ([one, label]) => ({ value: one, label, isChosen: one === value }),
    ),
  };
}

function typeOf(name: FilterName, value: string): 'text' | 'search' | 'number' | 'date' {
  // Its input shows days alone: what is given to the minute stays as it is.
  if (name === 'from' || name === 'to')
    return value === '' || /^\d{4}-\d{2}-\d{2}$/.test(value) ? 'date' : 'text';
  if (name === 'parent') return 'number';
  return name === '_q' ? 'search' : 'text';
}

/** Null: it is typed. */
function choicesOf(
  name: FilterName,
  { registry, principal, schedules, workers }: FilterParts,
): ValueAndLabel[] | null {
  if (name === 'kind') return Object.entries(dashboardTexts.kinds);
  if (name === 'acknowledged') return Object.entries(dashboardTexts.acknowledged);
  if (name === 'resource')
    return registry.list
      .map(({ slug }) => findResource(registry, principal, { resource: slug }))
      .filter((resource): resource is Resource => resource !== null)
      .map(({ slug, label }) => [slug, label]);
  if (name === 'reason') return Object.entries(taskTexts.reasons);
  if (name === 'schedule') return schedules.map((one) => [one, one]);
  if (name === 'worker')
    return workers.map(({ id, host, pid }) => [id, dashboardTexts.workerOf(host, pid)]);
  return null;
}

/** What it is filtered by, a text each: `State: Failed, Cancelled`, any of which it may be in. */
export function filterLines(query: TasksQuery, parts: Omit<FilterParts, 'schedules' | 'workers'>) {
  const { chips } = dashboardFilter(query, { ...parts, schedules: [], workers: [] });
  const others = chips.slice(query.states.length).map(({ text }) => text);
  const states = query.states.map((state) => taskTexts.states[state]).join(', ');
  return states === '' ? others : [dashboardTexts.chip(dashboardTexts.state, states), ...others];
}

function chipsOf(
  query: TasksQuery,
  controls: readonly DashboardControl[],
  url: Url,
): DashboardFilter['chips'] {
  const without = (rest: Partial<TasksQuery>) =>
    url(`/tasks${tasksSearch({ ...query, ...rest, page: 1 })}`);
  const chip = (label: string, value: string, href: string) => ({
    text: dashboardTexts.chip(label, value),
    href,
    label: dashboardTexts.remove(dashboardTexts.chip(label, value)),
  });
  const ofStates = query.states.map((state) =>
    chip(
      dashboardTexts.state,
      taskTexts.states[state],
      without({ states: query.states.filter((one) => one !== state) }),
    ),
  );
  const others = controls
    .filter(({ value }) => value !== '')
    .map(({ name, label, value, options }) => {
      const { [name]: _, ...given } = query.given;
      const words = options.find(({ isChosen }) => isChosen)?.label ?? value;
      return chip(label, words, without({ given }));
    });
  return [...ofStates, ...others];
}
