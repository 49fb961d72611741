import { raw } from '../../db/sql.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import type { Edit } from './contract.ts';
import { cast, isMany } from './field-family.ts';

/** Nothing in place of the value there is: null, or a list without items. */
export const clear: Edit<null> = {
  name: 'clear',
  isConstant: true,
  canOverflow: false,
  fits: (field) =>
    getFieldKind(field).input !== 'none' && (isMany(field) || !field.meta.isRequired),
  inputs: () => [],
  parse: () => ({ value: null }),
  sql: (_value, { field }) => cast(raw(field.isList ? `'{}'` : 'null'), field),
  twin: (_current, _value, { field }) => (field.isList ? [] : null),
  describe: () => 'cleared',
};
