import { cases } from '../src/testing/machines/cases.ts';
import { CannotRun } from '../src/testing/machines/install.ts';
import { readOptions, wrongUsage } from './read-options.ts';

/**
 * `npm run machines [-- --case NAME]`: what needs other servers and networks than a test has.
 * Installs what Debian has; never skips.
 */
const names = Object.keys(cases);
const usage = `Usage: npm run machines -- [--case NAME]...\n\nAll of them, or some: ${names.join(', ')}.`;
const { values } = readOptions(usage, { case: { type: 'string', multiple: true } });
const wanted = values.case ?? names;
for (const name of wanted)
  if (!names.includes(name)) wrongUsage(usage, `There is no case ${name}.`);

let hasBroken = false;
for (const name of wanted) {
  const since = performance.now();
  console.log(`\n== ${name}`);
  try {
    const broken = (await cases[name]?.((line) => console.log(`  ${line}`))) ?? [];
    for (const text of broken) console.log(`\n${text}`);
    const seconds = Math.round((performance.now() - since) / 1_000);
    console.log(
      `  ${broken.length === 0 ? 'Nothing is broken' : `${broken.length} broken`}, ${seconds} s`,
    );
    hasBroken ||= broken.length > 0;
  } catch (error) {
    if (!(error instanceof CannotRun)) throw error;
    console.error(error.message);
    hasBroken = true;
  }
}
process.exit(hasBroken ? 1 : 0);
