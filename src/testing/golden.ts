import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { format } from 'sql-formatter';
import type { Recorded } from './record-statements.ts';

const root = join(import.meta.dirname, '../..');

/** Where statements are kept. */
export const goldenFolder = join(import.meta.dirname, 'golden');

/** Set to `true`, files are written instead of compared. */
const renewVariable = 'BULKHEAD_TEST_RENEW_GOLDEN';

/**
 * Holds statements to `golden/NAME.sql`: formatted, each once, under the name of the function that
 * sends it.
 */
export async function assertStatements(
  name: string,
  statements: readonly Recorded[],
): Promise<void> {
  const texts = statements.map(({ text, by }) => `-- ${by}\n${formatted(text)};\n`);
  await assertGolden(join(goldenFolder, `${name}.sql`), [...new Set(texts)].join('\n'));
}

/** Holds a text to a file that people read and review. */
export async function assertGolden(path: string, text: string): Promise<void> {
  if (process.env[renewVariable] === 'true') {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    return;
  }
  const kept = await readFile(path, 'utf8').catch(() => '');
  const [, test] = /\/((?:src|e2e)\/[^:]+\.test\.ts)/.exec(new Error().stack ?? '') ?? [];
  const hint = `Look at the difference; if it is meant: ${renewVariable}=true npm test -- ${test ?? 'FILE'}`;
  assert.equal(text, kept, `${relative(root, path)} is not what is there. ${hint}`);
}

/** Ids that are drawn, of which a statement within another has the text; those of tests begin with zeros. */
const drawnId = /\b(?!00000000-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;

function formatted(text: string): string {
  const plain = text.replaceAll(drawnId, '(an id that was drawn)');
  return format(plain, { language: 'postgresql', expressionWidth: 100 });
}
