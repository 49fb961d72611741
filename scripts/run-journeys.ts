import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { runProgram } from './run-program.ts';
import type { TestTally } from './test-tally.ts';

/**
 * Runs the journeys by Playwright, which reports to a file of `folder`: counts are read there, not
 * from what it prints.
 */
export async function runJourneys(
  files: readonly string[],
  browser: string,
  folder: string,
  tally: TestTally,
): Promise<void> {
  const report = join(folder, 'journeys.json');
  const code = await runProgram('playwright', ['test', ...files], {
    BULKHEAD_BROWSER: browser,
    PLAYWRIGHT_JSON_OUTPUT_NAME: report,
  });
  const { suites = [], errors = [] } = JSON.parse(
    await readFile(report, 'utf8').catch(() => '{}'),
  ) as Report;
  const { failed } = tally;
  const journeys = suites.flatMap((suite) => journeysOf(suite));
  for (const { title, isPassed, ms, why } of journeys) tally.count(title, isPassed, ms, why);
  if (journeys.length === 0 || errors.length > 0 || (code !== 0 && tally.failed === failed))
    tally.count('the journeys', false);
}

interface Suite {
  suites?: Suite[];
  specs?: {
    title: string;
    ok: boolean;
    tests: { results: { duration: number; status: string; error?: { stack?: string } }[] }[];
  }[];
}

interface Report {
  suites?: Suite[];
  errors?: unknown[];
}

interface RanJourney {
  title: string;
  isPassed: boolean;
  ms: number;
  why: string;
}

function journeysOf(suite: Suite): RanJourney[] {
  const own = (suite.specs ?? []).map(({ title, ok, tests }) => {
    const results = tests.flatMap((test) => test.results);
    // Journeys are never skipped: one that did not run did not pass.
    const isRun = results.length > 0 && results.every((result) => result.status !== 'skipped');
    return {
      title,
      isPassed: ok && isRun,
      ms: results.reduce((sum, result) => sum + result.duration, 0),
      why: stripVTControlCharacters(results.at(-1)?.error?.stack ?? ''),
    };
  });
  return [...own, ...(suite.suites ?? []).flatMap(journeysOf)];
}
