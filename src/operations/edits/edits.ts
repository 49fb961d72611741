import type { ResourceField } from '../../fields/contract.ts';
import type { Resource } from '../../resources/contract.ts';
import { add } from './add.ts';
import { append } from './append.ts';
import { clear } from './clear.ts';
import type { Edit, EditName } from './contract.ts';
import { copy } from './copy.ts';
import { empty } from './empty.ts';
import { fill } from './fill.ts';
import { findReplace } from './find-replace.ts';
import { findReplacePattern } from './find-replace-pattern.ts';
import { increase } from './increase.ts';
import { letterCase } from './letter-case.ts';
import { multiply } from './multiply.ts';
import { percent } from './percent.ts';
import { prepend } from './prepend.ts';
import { remove } from './remove.ts';
import { replace } from './replace.ts';
import { round } from './round.ts';
import { set } from './set.ts';
import { shift } from './shift.ts';
import { toggle } from './toggle.ts';
import { trim } from './trim.ts';

/** In the order in which the dialog offers them. */
const edits = [
  set,
  fill,
  add,
  remove,
  replace,
  append,
  prepend,
  findReplace,
  findReplacePattern,
  trim,
  letterCase,
  increase,
  multiply,
  percent,
  round,
  shift,
  toggle,
  copy,
  clear,
  empty,
] as unknown as readonly Edit[];

const byName = new Map(edits.map((edit) => [edit.name, edit]));

export function getEdit(name: EditName): Edit {
  const edit = byName.get(name);
  if (!edit) throw new Error(`there is no edit "${name}"`);
  return edit;
}

/** What can be done to a field, the most usual first. */
export function editsFor(field: ResourceField, resource: Resource): readonly Edit[] {
  return edits.filter((edit) => edit.fits(field, resource));
}
