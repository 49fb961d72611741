/** The queue of what is not own tasks: slices of bulk work. */
export const bulkQueue = 'bulk';

export function isQueueName(name: string): boolean {
  return /^[A-Za-z0-9][\w-]{0,49}$/.test(name) && name !== bulkQueue;
}

/** Where a task is put that names no other. */
export const defaultQueue = 'default';
