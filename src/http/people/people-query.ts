import { type UserSearch, userStates } from '../../auth/find-users.ts';
import { roles } from '../../auth/users.ts';
import { AppError } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { peopleTexts } from './people-texts.ts';

/** What the page of people is asked for, as its address says it. */
export interface PeopleQuery extends UserSearch {
  /** From 1. */
  page: number;
}

const maxPage = 100_000;

/** Throws AppError 'invalid-page' or 'invalid-filter' (422): what is wrong is never taken for any. */
export function parsePeopleQuery(query: Readonly<Record<string, unknown>>): PeopleQuery {
  const page = Number(textsOf(query._page ?? '1')[0]);
  if (!Number.isInteger(page) || page < 1 || page > maxPage)
    throw new AppError('invalid-page', 422, peopleTexts.wrong.page, { field: '_page' });
  const [text = '', ...more] = textsOf(query._q).map((one) => one.trim());
  if (more.length > 0 || text.length > limits.list.pickerLength || text.includes('\0'))
    throw invalid('_q', peopleTexts.wrong.text);
  const [role = ''] = textsOf(query.role);
  if (role !== '' && !roles.some((one) => one === role))
    throw invalid('role', peopleTexts.wrong.role);
  const [state = ''] = textsOf(query.state);
  const known = userStates.find((one) => one === state) ?? null;
  if (state !== '' && known === null) throw invalid('state', peopleTexts.wrong.state);
  return { page, text, role: role === '' ? null : role, state: known };
}

function invalid(field: string, message: string): AppError {
  return new AppError('invalid-filter', 422, message, { field });
}

/** `?role=admin&_page=2`; nothing where all of it is as it is without. */
export function peopleSearch({ page, text, role, state }: PeopleQuery): string {
  const parameters = new URLSearchParams();
  if (text !== '') parameters.set('_q', text);
  if (role !== null) parameters.set('role', role);
  if (state !== null) parameters.set('state', state);
  if (page > 1) parameters.set('_page', String(page));
  const given = parameters.toString();
  return given === '' ? '' : `?${given}`;
}
