export const dueTimeTexts = {
  label: 'Begins at',
  submit: 'Change its time',
  hint: (zone: string) => `In ${zone}. A time that is past begins it at once.`,
  wrong: 'That is no date and time, such as 2026-01-31 14:30. Nothing was changed.',
  done: (time: string) => `It begins at ${time}.`,
};
