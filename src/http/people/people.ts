import { type User, type UserState, userStates } from '../../auth/find-users.ts';
import { roles } from '../../auth/users.ts';
import { ownProperty } from '../../own-property.ts';
import { formatTimestamp, isoTime } from '../format-span.ts';
import type { Url } from '../url.ts';
import { type PeopleQuery, peopleSearch } from './people-query.ts';
import { peopleTexts } from './people-texts.ts';

export interface PersonLine {
  name: string;
  href: string;
  isYou: boolean;
  email: string;
  roles: string;
  /** Empty: none. */
  claims: string;
  /** Null: never. */
  signedIn: { text: string; iso: string } | null;
  state: PersonState;
}

export interface PersonState {
  text: string;
  icon: string;
  look: 'success' | 'neutral';
}

interface PeopleOption {
  value: string;
  label: string;
  isChosen: boolean;
}

export interface PeopleData {
  title: string;
  intro: string;
  action: string;
  text: string;
  roles: readonly PeopleOption[];
  states: readonly PeopleOption[];
  columns: readonly string[];
  lines: readonly PersonLine[];
  create: { href: string; label: string };
  paging: { text: string; previous: string | null; next: string | null } | null;
  words: typeof peopleTexts;
}

export interface PeopleParts {
  url: Url;
  now: Date;
  timeZone: string;
  /** Of whoever looks. */
  ownId: string;
}

export function peopleData(
  found: { users: readonly User[]; hasMore: boolean },
  query: PeopleQuery,
  parts: PeopleParts,
): PeopleData {
  const { url } = parts;
  const { page, role, state } = query;
  const { columns } = peopleTexts;
  const pageUrl = (wanted: number) =>
    url(`/tasks/people${peopleSearch({ ...query, page: wanted })}`);
  return {
    title: peopleTexts.heading,
    intro: peopleTexts.intro,
    action: url('/tasks/people'),
    text: query.text,
    roles: roles.map((one) => ({
      value: one,
      label: peopleTexts.roles[one],
      isChosen: one === role,
    })),
    states: userStates.map((one) => ({
      value: one,
      label: peopleTexts.states[one],
      isChosen: one === state,
    })),
    columns: [
      columns.name,
      columns.email,
      columns.roles,
      columns.claims,
      columns.signedIn,
      columns.state,
    ],
    lines: found.users.map((user) => personLine(user, parts)),
    create: { href: url('/tasks/people/new'), label: peopleTexts.add },
    paging:
      page > 1 || found.hasMore
        ? {
            text: peopleTexts.page(page),
            previous: page > 1 ? pageUrl(page - 1) : null,
            next: found.hasMore ? pageUrl(page + 1) : null,
          }
        : null,
    words: peopleTexts,
  };
}

function personLine(user: User, { url, now, timeZone, ownId }: PeopleParts): PersonLine {
  const { id, name, email, claims, signedInAt, deactivatedAt } = user;
  return {
    name,
    href: url(`/tasks/people/${id}`),
    isYou: id === ownId,
    email,
    roles: rolesText(user.roles),
    claims: Object.keys(claims).length === 0 ? '' : JSON.stringify(claims),
    signedIn: signedInAt && {
      text: formatTimestamp(signedInAt, now, timeZone),
      iso: isoTime(signedInAt),
    },
    state: personState(deactivatedAt === null ? 'active' : 'deactivated'),
  };
}

export function personState(state: UserState): PersonState {
  return {
    text: peopleTexts.states[state],
    ...(state === 'active'
      ? { icon: 'circle-check', look: 'success' as const }
      : { icon: 'ban', look: 'neutral' as const }),
  };
}

export function rolesText(given: readonly string[]): string {
  return given.map((role) => ownProperty<string>(peopleTexts.roles, role) ?? role).join(', ');
}

/** `had`: roles of theirs, which may be others too. */
export function roleChoices(
  chosen: readonly string[],
  had: readonly string[],
): readonly PeopleOption[] {
  return [...new Set<string>([...roles, ...had])].map((role) => ({
    value: role,
    label: rolesText([role]),
    isChosen: chosen.includes(role),
  }));
}

declare module '../pages.ts' {
  interface Pages {
    'people/index': PeopleData;
  }
}
