/** Who is asking, as plain JSON: it is stored with every task and selection. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly email?: string;
  readonly roles: readonly string[];
  readonly claims?: Readonly<Record<string, unknown>>;
}
