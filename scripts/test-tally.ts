/** What all runners found, added up. */
export class TestTally {
  passed = 0;
  failed = 0;
  readonly #times: { title: string; ms: number }[] = [];
  readonly #notRun: string[] = [];

  count(title: string, isPassed: boolean, ms?: number): void {
    if (isPassed) this.passed += 1;
    else this.failed += 1;
    if (ms !== undefined) this.#times.push({ title, ms });
  }

  /** One that says why it cannot run here. */
  skip(title: string, why: string): void {
    this.#notRun.push(`${title} (${why})`);
  }

  /** The slowest, what did not run, and one line over everything. */
  print(): void {
    const slowest = this.#times.sort((a, b) => b.ms - a.ms).slice(0, 10);
    if (slowest.length > 1) console.log('\nSlowest:');
    if (slowest.length > 1)
      for (const { title, ms } of slowest)
        console.log(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${title}`);
    if (this.#notRun.length > 0) console.log(`\nDid not run: ${this.#notRun.join('; ')}`);
    console.log(`\n${this.passed} passed, ${this.failed} failed`);
  }
}
