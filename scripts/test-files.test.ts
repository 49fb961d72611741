import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findTestFiles, root } from './test-files.ts';

test('tests are told apart by what they need, and those that take longest begin', async () => {
  const { unit, db, browser } = await findTestFiles();
  assert.ok(unit.includes('scripts/test-files.test.ts'));
  assert.equal(db[0], 'src/testing/behind-bouncer.db.test.ts');
  assert.ok(browser.includes('e2e/run-tasks.spec.ts'));
  for (const file of [...unit, ...db])
    assert.equal(file.endsWith('.db.test.ts'), db.includes(file), file);
});

test('of a file or a folder there are its own tests, each once, from wherever it is named', async () => {
  const fields = await findTestFiles([
    'src/fields',
    'src/fields/field-kinds.test.ts',
    'e2e/run-tasks.spec.ts',
  ]);
  assert.deepEqual(fields.browser, ['e2e/run-tasks.spec.ts']);
  assert.deepEqual(fields.db, ['src/fields/field-kinds.db.test.ts']);
  assert.equal(fields.unit.filter((file) => file === 'src/fields/field-kinds.test.ts').length, 1);
  assert.ok(fields.unit.every((file) => file.startsWith('src/fields/')));
  assert.deepEqual((await findTestFiles(['pace.test.ts'], `${root}/src/tasks/running`)).unit, [
    'src/tasks/running/pace.test.ts',
  ]);
});

test('what has no test in it is an error that names it', async () => {
  for (const path of ['src/tasks/running/pace.ts', 'nowhere', '..', 'src/field']) {
    await assert.rejects(findTestFiles([path], root), { message: `There is no test in ${path}.` });
  }
});
