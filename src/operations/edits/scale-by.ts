import { raw, type Sql, sql } from '../../db/sql.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { type FieldText, NoRoom, type SqlPlace } from './contract.ts';
import { decimalOf, multiply } from './decimal.ts';
import { cast, familyOf } from './field-family.ts';
import { fitFloat, fitNumber, floatOf } from './number-room.ts';

/**
 * The number there is times a factor; whole numbers and places of a decimal are rounded, a half
 * away from zero.
 */
export function scaleBySql(factor: string, { field, current }: SqlPlace): Sql {
  if (familyOf(field) === 'float')
    return cast(sql`${current} * ${factor}::${raw(`${field.sqlType}`)}`, field);
  return cast(sql`${current}::numeric * ${factor}::numeric`, field);
}

export function scaleBy(current: FieldText, factor: string, field: FieldMeta): string | null {
  if (current === null) return null;
  if (familyOf(field) === 'float') {
    const [there, by] = [floatOf(current, field), floatOf(factor, field)];
    const scaled = fitFloat(there * by, field);
    if (Number(scaled) === 0 && there !== 0 && by !== 0)
      throw new NoRoom('value out of range: underflow');
    return scaled;
  }
  return fitNumber(multiply(decimalOf(String(current)), decimalOf(factor)), field);
}
