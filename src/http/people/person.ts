import type { User } from '../../auth/find-users.ts';
import type { UserSession } from '../../auth/user-sessions.ts';
import { minPasswordLength, valuesOf } from '../../auth/users.ts';
import { formatTimestamp, isoTime } from '../format-span.ts';
import { browserName } from './browser-name.ts';
import { type PeopleParts, type PersonState, personState } from './people.ts';
import { peopleTexts } from './people-texts.ts';
import {
  type FieldErrors,
  type PersonConflict,
  type PersonFieldsData,
  personFields,
  shownText,
  type TypedPerson,
  typedOf,
} from './person-form.ts';

export interface SessionLine {
  started: string;
  startedIso: string | null;
  ends: string;
  /** From where, as far as it is known. */
  place: string;
  /** As it says of itself. */
  browser: string;
  /** Null: it is the one of whoever looks. */
  end: { action: string; about: string } | null;
}

export interface PersonData {
  title: string;
  back: { href: string; label: string };
  state: PersonState;
  /** Null: it is somebody else. */
  selfWarning: string | null;
  conflict: { heading: string; lines: readonly string[] } | null;
  action: string;
  was: string;
  fields: PersonFieldsData;
  password: { action: string; note: string; hint: string; error: string | null };
  sessions: readonly SessionLine[];
  /** Null: there is none to end. */
  endAll: { action: string; label: string } | null;
  /** Null: nobody does it to themselves. */
  access: { action: string; heading: string; note: string; label: string; isTaken: boolean } | null;
  words: typeof peopleTexts;
}

export interface PersonFormParts {
  /** What was typed and not saved. */
  typed?: TypedPerson;
  errors?: FieldErrors;
  conflict?: PersonConflict;
}

export function personData(
  user: User,
  sessions: readonly UserSession[],
  parts: PeopleParts & {
    /** Under which the session of whoever looks is listed. */
    ownSession: string;
  },
  { typed = typedOf(user), errors = {}, conflict }: PersonFormParts = {},
): PersonData {
  const { url, ownId, ownSession } = parts;
  const isYou = user.id === ownId;
  const at = (path: string) => url(`/tasks/people/${user.id}${path}`);
  return {
    title: user.name,
    back: { href: url('/tasks/people'), label: peopleTexts.all },
    state: personState(user.deactivatedAt === null ? 'active' : 'deactivated'),
    selfWarning: isYou ? peopleTexts.selfWarning : null,
    conflict: conflict ? { heading: peopleTexts.conflict(user.name), lines: conflict.lines } : null,
    action: at(''),
    was: shownText(valuesOf(user)),
    fields: personFields(conflict?.typed ?? typed, errors, {
      had: user.roles,
      ...(conflict && { theirs: conflict.theirs }),
    }),
    password: {
      action: at('/password'),
      note: isYou ? peopleTexts.ownPasswordNote : peopleTexts.passwordNote,
      hint: peopleTexts.passwordHint(minPasswordLength),
      error: errors.password ?? null,
    },
    sessions: sessions.map((session) => sessionLine(session, at, parts)),
    endAll: sessions.some(({ id }) => id !== ownSession)
      ? {
          action: at('/sessions/ending'),
          label: isYou ? peopleTexts.endOthers : peopleTexts.endAll,
        }
      : null,
    access: isYou ? null : accessPart(user, at, parts),
    words: peopleTexts,
  };
}

function sessionLine(
  { id, startedAt, endsAt, address, browser }: UserSession,
  at: (path: string) => string,
  { now, timeZone, ownSession }: Parameters<typeof personData>[2],
): SessionLine {
  const named = [address, browser && browserName(browser)].filter((part) => part);
  const place = named.join(', ') || peopleTexts.unknownPlace;
  return {
    started: startedAt
      ? peopleTexts.started(formatTimestamp(startedAt, now, timeZone))
      : peopleTexts.startedLongAgo,
    startedIso: startedAt && isoTime(startedAt),
    ends: peopleTexts.ends(formatTimestamp(endsAt, now, timeZone)),
    place,
    browser: browser ?? '',
    end:
      id === ownSession
        ? null
        : { action: at(`/sessions/${id}/ending`), about: peopleTexts.endAbout(place) },
  };
}

function accessPart(
  { deactivatedAt }: User,
  at: (path: string) => string,
  { now, timeZone }: PeopleParts,
): PersonData['access'] {
  return deactivatedAt === null
    ? {
        action: at('/deactivation'),
        heading: peopleTexts.deactivateHeading,
        note: peopleTexts.deactivateNote,
        label: peopleTexts.deactivate,
        isTaken: true,
      }
    : {
        action: at('/activation'),
        heading: peopleTexts.activateHeading,
        note: peopleTexts.activateNote(formatTimestamp(deactivatedAt, now, timeZone)),
        label: peopleTexts.activate,
        isTaken: false,
      };
}

declare module '../pages.ts' {
  interface Pages {
    'people/edit': PersonData;
  }
}
