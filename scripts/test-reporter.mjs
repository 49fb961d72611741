// One JSON line a test for `check`, which adds up all runners.
export default async function* report(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // A file is reported as a suite around its tests; alone it counts only when it failed to run.
    const isFile = data.details?.type === 'suite' || (data.nesting === 0 && data.name.endsWith('.test.ts'));
    if (isFile && type === 'test:pass') continue;
    // One that cannot run here says why; any other that is skipped did not pass.
    const notRun = typeof data.skip === 'string' ? data.skip : null;
    const isPassed = type === 'test:pass' && !data.skip && !data.todo;
    yield `${JSON.stringify({ title: data.name, ms: data.details?.duration_ms ?? 0, isPassed, notRun })}\n`;
  }
}
