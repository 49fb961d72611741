import { momentKind } from '../../fields/moment.ts';
import type { Reader } from '../../fields/reader.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import type { ResourceField } from '../../resources/contract.ts';
import { inputTexts } from './input-texts.ts';

/** In which zone the times of a control are meant; null where there is none to mean. */
export function zoneHint(field: ResourceField, { timeZone }: Reader): string | null {
  const isMoment = getFieldKind(field).input === 'date-time' && momentKind(field.meta.sqlType) === 'moment';
  return isMoment ? inputTexts.timesIn(timeZone) : null;
}
