/**
 * What is wrong with the definitions of an admin, all of it: the start is refused once, not once
 * per mistake.
 */
export class Problems {
  readonly list: string[] = [];

  add(resource: string, key: string, reason: string): void {
    this.list.push(`Resource ${resource}, ${key}: ${reason}`);
  }

  /** Throws when there are any. */
  refuse(): void {
    if (this.list.length > 0) throw new DefinitionError(this.list);
  }
}

/**
 * The definitions of an admin cannot be used; `problems` has a line for each mistake: resource, key
 * and reason.
 */
export class DefinitionError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'DefinitionError';
    this.problems = problems;
  }
}
