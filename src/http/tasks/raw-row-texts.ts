const list = new Intl.ListFormat('en');

export const rawRowTexts = {
  heading: (id: number) => `Row of task ${id}`,
  link: 'Its row',
  note: 'As the database has it. Keys that were ticked, and a where of code’s, are left out.',
  keptBack: (columns: readonly string[]) => `Kept back: ${list.format(columns)}.`,
  column: 'Column',
  value: 'Value',
};
