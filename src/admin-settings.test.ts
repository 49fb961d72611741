import assert from 'node:assert/strict';
import { test } from 'node:test';
import sample from './admin.ts';
import { checkAdmin } from './admin-definition.ts';
import { adminSettingVariables, settingsOf } from './admin-settings.ts';
import { parseConfig } from './config.ts';
import { settingBounds } from './limits.ts';

const of = (settings: unknown) => () => checkAdmin({ ...sample, settings: settings as never });

test('an admin’s settings that cannot be are refused, each in a sentence, and none is changed for it', () => {
  for (const [settings, said] of [
    ['fast', 'settings must be an object.'],
    [null, 'settings must be an object.'],
    [[], 'settings must be an object.'],
    [{ chunksize: 7 }, 'settings: chunksize is no option. Did you mean "chunkSize"?'],
    [{ chunkSize: 0 }, 'settings: chunkSize must be a whole number from 1 to 5000.'],
    [{ chunkSize: 7.5 }, 'settings: chunkSize must be a whole number from 1 to 5000.'],
    [{ chunkSize: '7' }, 'settings: chunkSize must be a whole number from 1 to 5000.'],
    [{ chunkSize: null }, 'settings: chunkSize must be a whole number from 1 to 5000.'],
    [{ chunkSize: [7] }, 'settings: chunkSize must be a whole number from 1 to 5000.'],
    [{ stopRatio: 2 }, 'settings: stopRatio must be a number above 0 and at most 1.'],
  ] as const)
    assert.throws(of(settings), (error: Error) => error.message.includes(said), String(said));
  assert.throws(
    of({ sliceMs: 1, maxDeaths: 0 }),
    /sliceMs must be .*\n?.*maxDeaths must be/s,
    'all that are wrong are named together',
  );
  of({})();
  of({ chunkSize: 7, stopRatio: 0.25, minAsyncRecords: undefined })();
});

/** Of settings that are no whole numbers: what one level says, and a nearer one. */
const notWhole = {
  stopRatio: [1, 0.25],
  background: [true, false],
  backend: ['queue', 'inline'],
} as const;

function lowest(variable: keyof typeof settingBounds): [number, number] {
  const [low] = settingBounds[variable];
  return [low, low + 1];
}

test('what is no number is none for any setting', () => {
  for (const name of Object.keys(adminSettingVariables))
    for (const value of [null, ...(name === 'backend' ? [] : ['7']), [7], {}, Number.NaN])
      assert.throws(of({ [name]: value }), new RegExp(`settings: ${name} must be`), name);
});

test('what an admin says is nearer than the environment, and what it leaves out is the environment’s', () => {
  for (const [name, variable] of Object.entries(adminSettingVariables)) {
    const [low, nearer] = notWhole[name as keyof typeof notWhole] ?? lowest(variable as never);
    const from = settingsOf(parseConfig({ [variable]: String(low) }), {});
    assert.equal(from[variable], low);
    assert.deepEqual(settingsOf(from, { settings: { [name]: nearer } }), {
      ...from,
      [variable]: nearer,
    });
    assert.deepEqual(settingsOf(from, {}), from);
    assert.deepEqual(settingsOf(from, { settings: { [name]: undefined } }), from);
  }
});
