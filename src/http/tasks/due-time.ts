import { DateTime } from 'luxon';
import type { TaskRow } from '../../tasks/task-row.ts';
import type { Url } from '../url.ts';
import { dueTimeTexts } from './due-time-texts.ts';

/** Gives a task that waits for its time another one. */
export interface DueTimeForm {
  action: string;
  label: string;
  value: string;
  hint: string;
  error: string | null;
  submit: string;
}

/** Null: it waits for none. `typed` was refused. */
export function dueTimeForm(
  { id, kind, state, dueAt }: TaskRow,
  { url, timeZone, typed }: { url: Url; timeZone: string; typed: string | null },
): DueTimeForm | null {
  if (kind !== 'own' || state !== 'scheduled') return null;
  return {
    action: url(`/tasks/${id}/time`),
    label: dueTimeTexts.label,
    value:
      typed ??
      (dueAt ? DateTime.fromJSDate(dueAt, { zone: timeZone }).toFormat("yyyy-MM-dd'T'HH:mm") : ''),
    hint: dueTimeTexts.hint(timeZone),
    error: typed === null ? null : dueTimeTexts.wrong,
    submit: dueTimeTexts.submit,
  };
}
