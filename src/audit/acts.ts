/** Everything that leaves an entry. */
export const acts = [
  'signed-in',
  'sign-in-failed',
  'signed-out',
  'first-admin-created',
  'user-created',
  'password-set',
  'user-deactivated',
  'record-created',
  'record-changed',
  'record-deleted',
  'task-launched',
  'task-paused',
  'task-resumed',
  'task-cancelled',
  'task-rescheduled',
  'task-acknowledged',
  'acknowledgement-withdrawn',
  'schedule-run',
  'schedule-paused',
  'schedule-resumed',
  'delivery-sent-again',
  'preferences-changed',
  'entries-forgotten',
] as const;

export type Act = (typeof acts)[number];
