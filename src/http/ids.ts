/**
 * Ids of elements that scripts, swaps, styles and browser tests look for, and that others point at.
 * Templates and scripts write them out; a test holds that each of theirs is here, and each of these
 * in a template.
 */
export const ids = {
  main: 'main',
  dialog: 'dialog',
  dialogContent: 'dialog-content',
  dialogTitle: 'dialog-title',
  ask: 'ask',
  askQuestion: 'ask-question',
  toasts: 'toasts',
  theme: 'theme',
  bell: 'bell',
  live: 'live',
  liveEvents: 'live-events',

  list: 'list',
  listFilter: 'list-filter',
  listSearch: 'list-search',
  listError: 'list-error',
  records: 'records',
  pageTick: 'page-tick',
  goToPage: 'go-to-page',
  selectionForm: 'selection-form',
  selectionBar: 'selection-bar',
  selectionStatus: 'selection-status',
  filterBuilder: 'filter-builder',

  errorSummary: 'error-summary',
  recordForm: 'record-form',
  recordLock: 'record-lock',

  bulkEditForm: 'bulk-edit-form',
  bulkDeleteForm: 'bulk-delete-form',
  bulkDoForm: 'bulk-do-form',
  bulkReason: 'bulk-reason',
  bulkOutcome: 'bulk-outcome',
  bulkConflict: 'bulk-conflict',
  bulkFree: 'bulk-free',
  bulkLaunched: 'bulk-launched',

  preview: 'preview',
  previewStatus: 'preview-status',
  previewCounts: 'preview-counts',
  previewOptions: 'preview-options',
  previewStop: 'preview-stop',
  previewConfirm: 'preview-confirm',

  taskFilter: 'task-filter',
  taskList: 'task-list',
  taskChanges: 'task-changes',
  launchForm: 'launch-form',
} as const;
