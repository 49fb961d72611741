/** What people read of an operation. `records` is how many of what: `12 cities`. */
export interface OperationWords {
  /** Of its button beside a selection: `Edit…`. */
  readonly button: string;
  /** Of its form and its preview, and of a task that tells no more: `Edit 12 cities`. */
  heading(records: string): string;
  /** Its tasks are called by that, whatever they change. */
  readonly isTitle?: true;
  /** Of the button that begins it: `Change 12 cities`. */
  submit(records: string): string;
  /** Of the box to tick before it begins, where there is one. */
  acknowledge(records: string): string;
  /** What is said where that box is not ticked. */
  readonly unacknowledged: string;
  /** That it is done at once, all or nothing. */
  readonly atOnce: string;
  /**
   * Of a preview: the figure of records that it would write, what becomes of one, and the heading
   * above them.
   */
  readonly willBe: string;
  readonly fate: string;
  readonly records: string;
  /** Of a task: `12 changed`. */
  done(count: string): string;
}

export const editWords: OperationWords = {
  button: 'Edit…',
  heading: (records) => `Edit ${records}`,
  submit: (records) => `Change ${records}`,
  acknowledge: (records) => `Yes, change ${records}`,
  unacknowledged: 'Tick the box to confirm that these records are to be changed.',
  atOnce: 'All or nothing: if one record is refused, none is changed.',
  willBe: 'Will change',
  fate: 'Changes',
  records: 'Before and after',
  done: (count) => `${count} changed`,
};

export const deleteWords: OperationWords = {
  button: 'Delete…',
  heading: (records) => `Delete ${records}`,
  submit: (records) => `Delete ${records}`,
  acknowledge: (records) => `Yes, delete ${records}`,
  unacknowledged: 'Tick the box to confirm that these records are to be deleted.',
  atOnce: 'All or nothing: if one record is refused, none is deleted.',
  willBe: 'Will be deleted',
  fate: 'Goes',
  records: 'What goes',
  done: (count) => `${count} deleted`,
};

/** Of a resource whose own hook puts records away in place of the delete. */
export const putAwayWords: OperationWords = {
  button: 'Put away…',
  heading: (records) => `Put ${records} away`,
  submit: (records) => `Put ${records} away`,
  acknowledge: (records) => `Yes, put ${records} away`,
  unacknowledged: 'Tick the box to confirm that these records are to be put away.',
  atOnce: 'All or nothing: if one record is refused, none is put away.',
  willBe: 'Will be put away',
  fate: 'Put away',
  records: 'What is put away',
  done: (count) => `${count} put away`,
};

export const undoWords: OperationWords = {
  ...editWords,
  heading: (records) => `Undo changes of ${records}`,
  done: (count) => `${count} put back`,
};

/**
 * Of an operation of the project's own: what it does is its label, what becomes of records is as of
 * what it is built on.
 */
export function ownWords(label: string, base: OperationWords): OperationWords {
  const verb = label.replace(/\s*…$/, '');
  const of = (records: string) => `${verb} · ${records}`;
  return { ...base, button: label, heading: of, isTitle: true, submit: of };
}
