/** What all runners found, added up. */
export class TestTally {
  passed = 0;
  failed = 0;
  readonly #times: { title: string; ms: number }[] = [];
  readonly #notRun: string[] = [];
  readonly #failures: string[] = [];

  /** `why`: what is known of a failure. */
  count(title: string, isPassed: boolean, ms?: number, why = ''): void {
    if (isPassed) this.passed += 1;
    else this.failed += 1;
    if (!isPassed) this.#failures.push([title, ...why.split('\n').slice(0, 20)].join('\n    '));
    if (ms !== undefined) this.#times.push({ title, ms });
  }

  /** One that says why it cannot run here. */
  skip(title: string, why: string): void {
    this.#notRun.push(`${title} (${why})`);
  }

  /**
   * The slowest, what did not run, and one line over everything. What failed stands beside that
   * line: of a long output often the end alone is kept.
   */
  print(): void {
    const slowest = this.#times.sort((a, b) => b.ms - a.ms).slice(0, 10);
    if (slowest.length > 1) console.log('\nSlowest:');
    if (slowest.length > 1)
      for (const { title, ms } of slowest)
        console.log(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${title}`);
    if (this.#notRun.length > 0) console.log(`\nDid not run: ${this.#notRun.join('; ')}`);
    if (this.#failures.length > 0) console.log(`\nFailed:\n  ${this.#failures.join('\n  ')}`);
    console.log(`\n${this.passed} passed, ${this.failed} failed`);
  }
}
