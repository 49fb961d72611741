import { getFieldKind } from '../../fields/field-kinds.ts';
import type { Reader } from '../../fields/reader.ts';
import { timestampKind } from '../../fields/timestamp.ts';
import type { ResourceField } from '../../resources/contract.ts';
import { inputTexts } from './input-texts.ts';

/** In which zone the times of a control are meant; null where there is none to mean. */
export function zoneHint(field: ResourceField, { timeZone }: Reader): string | null {
  const isTimestamp =
    getFieldKind(field).input === 'date-time' && timestampKind(field.meta.sqlType) === 'timestamp';
  return isTimestamp ? inputTexts.timesIn(timeZone) : null;
}
