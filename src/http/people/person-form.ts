import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { claimsText, parseClaims } from '../../auth/claims.ts';
import type { User } from '../../auth/find-users.ts';
import { minPasswordLength, type UserValues } from '../../auth/users.ts';
import { textsOf } from '../../form-texts.ts';
import type { Body } from '../form.ts';
import type { Url } from '../url.ts';
import { roleChoices, rolesText } from './people.ts';
import { peopleTexts } from './people-texts.ts';

/** What the controls hold, as it was typed. */
export interface TypedPerson {
  name: string;
  email: string;
  roles: readonly string[];
  claims: string;
}

type PersonFieldName = keyof TypedPerson;

/** A control with its sentences. */
export interface FieldNotes {
  name: PersonFieldName;
  label: string;
  /** Ids of what is said about it; empty: nothing. */
  describedBy: string;
  error: string | null;
  /** What somebody else has set it to meanwhile. */
  theirs: string | null;
}

export interface PersonFieldsData {
  texts: readonly (FieldNotes & { type: string; value: string })[];
  roles: FieldNotes & { choices: ReturnType<typeof roleChoices> };
  claims: FieldNotes & { value: string; hint: string };
}

export interface NewPersonData {
  title: string;
  intro: string;
  action: string;
  back: { href: string; label: string };
  fields: PersonFieldsData;
  password: { error: string | null; hint: string };
  words: typeof peopleTexts;
}

export type FieldErrors = Readonly<Record<string, string>>;

const nothing: TypedPerson = { name: '', email: '', roles: ['viewer'], claims: '' };

export function newPersonData(
  url: Url,
  { typed = nothing, errors = {} }: { typed?: TypedPerson; errors?: FieldErrors } = {},
): NewPersonData {
  return {
    title: peopleTexts.newHeading,
    intro: peopleTexts.newIntro,
    action: url('/tasks/people/new'),
    back: { href: url('/tasks/people'), label: peopleTexts.all },
    fields: personFields(typed, errors),
    password: {
      error: errors.password ?? null,
      hint: peopleTexts.passwordHint(minPasswordLength),
    },
    words: peopleTexts,
  };
}

export function personFields(
  typed: TypedPerson,
  errors: FieldErrors,
  {
    had = [],
    theirs = {},
  }: { had?: readonly string[]; theirs?: Partial<Record<PersonFieldName, string>> } = {},
): PersonFieldsData {
  const notes = (name: PersonFieldName): FieldNotes => {
    const [error, set] = [errors[name] ?? null, theirs[name] ?? null];
    const ids = [name === 'claims' && 'hint', set !== null && 'theirs', error !== null && 'error'];
    return {
      name,
      label: peopleTexts.fields[name],
      describedBy: ids.flatMap((id) => (id ? [`${name}-${id}`] : [])).join(' '),
      error,
      theirs: set,
    };
  };
  return {
    texts: [
      { ...notes('name'), type: 'text', value: typed.name },
      { ...notes('email'), type: 'email', value: typed.email },
    ],
    roles: { ...notes('roles'), choices: roleChoices(typed.roles, had) },
    claims: { ...notes('claims'), value: typed.claims, hint: peopleTexts.claimsHint },
  };
}

export function typedIn(body: Body): TypedPerson {
  const text = (name: string) => textsOf(body[name])[0] ?? '';
  return {
    name: text('name'),
    email: text('email'),
    roles: textsOf(body.roles),
    claims: text('claims'),
  };
}

export function typedOf({ name, email, roles, claims }: UserValues): TypedPerson {
  return { name, email, roles, claims: claimsText(claims) };
}

/** The values of a form, with what is wrong with its claims beside them. */
export function readTyped(typed: TypedPerson): { values: UserValues; errors: FieldErrors } {
  const parsed = parseClaims(typed.claims);
  return 'claims' in parsed
    ? { values: { ...typed, claims: parsed.claims }, errors: {} }
    : { values: { ...typed, claims: {} }, errors: { claims: parsed.problem } };
}

const shown = z.object({
  name: z.string(),
  email: z.string(),
  roles: z.array(z.string()),
  claims: z.record(z.string(), z.unknown()),
});

/** Whom a form showed, as it carries them along in a hidden control. */
export function shownText({ name, email, roles, claims }: UserValues): string {
  return JSON.stringify({ name, email, roles, claims });
}

/** Undefined: the form does not say whom it showed. */
export function readShown(body: Body): UserValues | undefined {
  try {
    return shown.parse(JSON.parse(textsOf(body._was)[0] ?? ''));
  } catch {
    return undefined;
  }
}

export interface PersonConflict {
  /** To go on from: theirs where only they have changed something. */
  typed: TypedPerson;
  /** What they have set where both have changed it. */
  theirs: Partial<Record<PersonFieldName, string>>;
  lines: readonly string[];
}

/** Somebody was shown, typed over, and changed by another meanwhile. */
export function personConflict(
  was: UserValues,
  now: User | UserValues,
  typed: TypedPerson,
): PersonConflict {
  const { values, errors } = readTyped(typed);
  const merged: Record<PersonFieldName, unknown> = { ...typed };
  const theirs: Partial<Record<PersonFieldName, string>> = {};
  const lines: string[] = [];
  for (const name of ['name', 'email', 'roles', 'claims'] as const) {
    if (isSame(was[name], now[name])) continue;
    lines.push(peopleTexts.conflictLine(peopleTexts.fields[name], inWords(now)[name]));
    const isTouched = errors[name] !== undefined || !isSame(was[name], values[name]);
    if (!isTouched) merged[name] = typedOf(now)[name];
    else if (!isSame(now[name], values[name]))
      theirs[name] = peopleTexts.conflictMine(inWords(now)[name]);
  }
  return { typed: merged as unknown as TypedPerson, theirs, lines };
}

function inWords({ name, email, roles, claims }: UserValues): Record<PersonFieldName, string> {
  return {
    name,
    email,
    roles: rolesText(roles),
    claims: Object.keys(claims).length === 0 ? peopleTexts.empty : JSON.stringify(claims),
  };
}

/** Lists of roles have one order. */
function isSame(one: unknown, other: unknown): boolean {
  const sorted = (value: unknown) => (Array.isArray(value) ? value.toSorted() : value);
  return isDeepStrictEqual(sorted(one), sorted(other));
}

declare module '../pages.ts' {
  interface Pages {
    'people/new': NewPersonData;
  }
}
