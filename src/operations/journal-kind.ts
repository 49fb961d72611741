/**
 * What a journal entry says was done to its records: in words of its own, apart from the names of
 * operations, since an undo creates, changes or deletes too. The values are those of the column
 * `kind` of the table `change`.
 */
export const journal = { created: 'create', changed: 'update', deleted: 'delete' } as const;

export type JournalWord = keyof typeof journal;
export type JournalKind = (typeof journal)[JournalWord];

const words: Readonly<Record<JournalKind, JournalWord>> = {
  create: 'created',
  update: 'changed',
  delete: 'deleted',
};

export function journalWord(kind: JournalKind): JournalWord {
  return words[kind];
}

/** What takes it back. */
export const undoneBy: Readonly<Record<JournalKind, JournalKind>> = {
  create: 'delete',
  update: 'update',
  delete: 'create',
};
