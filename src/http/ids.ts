/** Ids of elements that scripts, swaps and browser tests look for. */
export const ids = {
  main: 'main',
  dialog: 'dialog',
  dialogContent: 'dialog-content',
  dialogTitle: 'dialog-title',
  toasts: 'toasts',
  theme: 'theme',
} as const;
