/** A Prisma `where` (plain object). */
export type Where = Record<string, unknown>;

/** The part of a Prisma model delegate that Bulkhead calls. */
export interface Delegate {
  findMany(args: object): Promise<Record<string, unknown>[]>;
  findFirst(args: object): Promise<Record<string, unknown> | null>;
  count(args: object): Promise<number>;
  create(args: object): Promise<Record<string, unknown>>;
  update(args: object): Promise<Record<string, unknown>>;
  updateMany(args: object): Promise<{ count: number }>;
  delete(args: object): Promise<Record<string, unknown>>;
  deleteMany(args: object): Promise<{ count: number }>;
}

/** The part of a user's Prisma client that Bulkhead calls; delegates are reached by name. */
export interface Client {
  $transaction<T>(run: (tx: Client) => Promise<T>, options?: object): Promise<T>;
  $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T>;
  $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>;
}
