import { formBody } from '../src/testing/app.ts';
import { finished } from '../src/testing/context.ts';
import { onServer, withRunners } from './server.ts';
import { type Measured, median } from './table.ts';
import { benchVisitor } from './visitor.ts';

/**
 * The confirm request: milliseconds until its answer, bytes of its body, and seconds until the task
 * is running, for selections of several sizes. It must not grow with the selection.
 */
export function launchBench({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  return onServer(rows, (bench) =>
    withRunners(bench, 1, async (context) => {
      const { db } = bench;
      const visitor = await benchVisitor(context);
      const sizes = [25, Math.min(10_000, rows), rows];
      const measured = new Map<number, { ms: number[]; running: number[]; bytes: number }>(
        sizes.map((size) => [size, { ms: [], running: [], bytes: 0 }]),
      );
      for (let round = 0; round < pairs; round++) {
        await bench.freshCopy();
        for (const size of sizes) {
          const own = measured.get(size) as { ms: number[]; running: number[]; bytes: number };
          const confirm = await open(size);
          const { payload } = formBody(confirm.body);
          const start = performance.now();
          const answer = await visitor.post(confirm.path, confirm.body);
          own.ms.push(performance.now() - start);
          own.bytes = payload.length;
          if (answer.statusCode !== 202)
            throw new Error(
              `confirming was answered ${answer.statusCode}: ${answer.body.slice(0, 300)}`,
            );
          const id = Number(answer.json().taskId);
          await finished(db, id, 600_000);
          const { rows: events } = await db.pages.query<{ seconds: number }>(
            `select extract(epoch from (select min(at) from ${db.t.task_event} where task_id = $1 and state = 'running') - created_at)::float8 as seconds
             from ${db.t.task} where id = $1`,
            [id],
          );
          own.running.push(events[0]?.seconds ?? Number.NaN);
        }
      }
      await visitor.close();
      const base = median(measured.get(25)?.ms ?? []);
      return [...measured].map(([size, { ms, running, bytes }]) => ({
        case: `launch, ${size} records`,
        rows: size,
        rounds: pairs,
        confirmMs: median(ms),
        ofLeast: median(ms) / base,
        bodyBytes: bytes,
        secondsToRunning: median(running),
      }));

      async function open(size: number) {
        const create = await visitor.post('/cities/selection', {
          _do: 'matching',
          _list: `id-max=${size}`,
        });
        const selection = /_s=([0-9a-f-]{36})/.exec(
          String(create.headers.location ?? create.body),
        )?.[1];
        const path = `/cities/bulk-edit?_s=${selection}`;
        const form = await visitor.get(path);
        const operation = /name="_op" value="([^"]+)"/.exec(form.body)?.[1] ?? '';
        return {
          path,
          body: { _op: operation, background: 'yes', field: 'featured', 'value.featured': 'true' },
        };
      }
    }),
  );
}
