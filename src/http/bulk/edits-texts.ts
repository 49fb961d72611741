import type { EditName } from '../../operations/edits/contract.ts';

export interface EditInputTexts {
  label: string;
  hint?: string;
}

/** Each change in the dialog: its name, and its controls by theirs. */
export const editTexts: Readonly<
  Record<EditName, { label: string; inputs: Readonly<Record<string, EditInputTexts>> }>
> = {
  set: { label: 'Set to', inputs: { value: { label: 'New value' } } },
  fill: { label: 'Set where empty', inputs: { value: { label: 'New value' } } },
  clear: { label: 'Clear', inputs: {} },
  empty: { label: 'Make an empty text', inputs: {} },
  append: {
    label: 'Append',
    inputs: { value: { label: 'Text to append', hint: 'Empty fields stay empty.' } },
  },
  prepend: {
    label: 'Prepend',
    inputs: { value: { label: 'Text to prepend', hint: 'Empty fields stay empty.' } },
  },
  'find-replace': {
    label: 'Find and replace',
    inputs: {
      find: { label: 'Find' },
      with: { label: 'Replace by', hint: 'Left empty, what is found is removed.' },
    },
  },
  'find-replace-pattern': {
    label: 'Find a pattern',
    inputs: {
      find: { label: 'Regular expression' },
      with: { label: 'Replace by', hint: '\\1 is the first group, \\& the whole match.' },
    },
  },
  trim: { label: 'Trim blanks', inputs: {} },
  'letter-case': { label: 'Change case', inputs: { case: { label: 'Case' } } },
  increase: {
    label: 'Add a number',
    inputs: { value: { label: 'Number to add', hint: 'A negative number takes away.' } },
  },
  multiply: { label: 'Multiply by', inputs: { value: { label: 'Factor' } } },
  percent: {
    label: 'Change by per cent',
    inputs: {
      value: { label: 'Per cent', hint: '10 is ten per cent more, -10 ten per cent less.' },
    },
  },
  round: {
    label: 'Round',
    inputs: { places: { label: 'Decimal places', hint: '0 gives whole numbers, -2 hundreds.' } },
  },
  shift: {
    label: 'Shift',
    inputs: {
      value: { label: 'By', hint: 'A negative number shifts back.' },
      unit: { label: 'Unit' },
    },
  },
  toggle: { label: 'Swap yes and no', inputs: {} },
  add: { label: 'Add', inputs: { value: { label: 'Values to add' } } },
  remove: { label: 'Remove', inputs: { value: { label: 'Values to remove' } } },
  replace: { label: 'Replace by', inputs: { value: { label: 'New values' } } },
  copy: { label: 'Copy from', inputs: { from: { label: 'Field' } } },
};

/** What can be chosen, where the name of a choice is not a word. */
export const choiceTexts: Readonly<Record<string, string>> = {
  upper: 'UPPER CASE',
  lower: 'lower case',
  title: 'Title Case',
};
