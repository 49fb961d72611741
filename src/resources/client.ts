import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils';

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

/** What a Prisma client is known by: of any schema, and extended or not. */
export interface PrismaClientLike {
  $transaction(...given: never[]): unknown;
  $queryRawUnsafe(...given: never[]): unknown;
  $executeRawUnsafe(...given: never[]): unknown;
}

/** What a project makes its Prisma client of. */
export interface ClientParts {
  /**
   * Prisma's adapter over a pool of Bulkhead's, for the Postgres schema of the tables that name none
   * (`?schema=` of the address, else `public`).
   */
  readonly adapter: SqlDriverAdapterFactory;
}

/** The part of a user's Prisma client that Bulkhead calls; delegates are reached by name. */
export interface Client {
  $transaction<T>(run: (tx: Client) => Promise<T>, options?: object): Promise<T>;
  $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T>;
  $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>;
}
