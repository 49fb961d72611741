import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { TaskContext } from '../tasks/context.ts';
import type { Meters } from '../tasks/meters.ts';
import { version } from '../version.ts';
import { within } from '../within.ts';
import { metrics } from './metric-docs.ts';
import { type Fleet, readFleet } from './read-fleet.ts';

/** Whoever asks sooner is given what was read for the one before. */
const keptMs = 1_000;
/** Longest that a scrape waits for the database. */
const withinMs = 3_000;

const chunkSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const outcomes = [
  ...(['changed', 'unchanged', 'failed', 'gone', 'conflicted'] as const).map(
    (name) => [name, name] as const,
  ),
  ['keptBack', 'kept_back'],
] as const;

/** Of a name, a help and labels. */
const of = (metric: (typeof metrics)[keyof typeof metrics], registry: Registry) => ({
  name: metric.name,
  help: metric.help,
  labelNames: metric.labels,
  registers: [registry],
});

/** Meters of one process, whose database `contextOf` gives. */
export function buildMeters(contextOf: () => Pick<TaskContext, 'db' | 'log'>): Meters {
  const registry = new Registry();
  const gauge = (name: keyof typeof metrics) => new Gauge(of(metrics[name], registry));
  const counter = (name: keyof typeof metrics) => new Counter(of(metrics[name], registry));
  const gauges = {
    database: gauge('database'),
    tasks: gauge('tasks'),
    waiting: gauge('waiting'),
    oldest: gauge('oldest'),
    workers: gauge('workers'),
    deliveries: gauge('deliveries'),
    alerts: gauge('alerts'),
    unsealed: gauge('unsealed'),
  };
  const pools = new Map<object, { name: string; pool: Parameters<Meters['watchPool']>[1] }>();
  const poolGauge = gauge('pools');
  const [standbyGauge, lagGauge] = [gauge('standbys'), gauge('standbyLag')];
  const [ended, records] = [counter('ended'), counter('records')];
  const chunks = new Histogram({ ...of(metrics.chunks, registry), buckets: chunkSeconds });
  const requests = new Histogram({ ...of(metrics.requests, registry), buckets: requestSeconds });
  gauge('info').set({ version }, 1);
  let kept: { at: number; text: Promise<string> } | null = null;
  /** A reading sets gauges that all readings share: the next one waits for its end. */
  let isReading = false;
  let isWatched = false;

  return {
    chunk(counts, tookMs) {
      chunks.observe(tookMs / 1_000);
      for (const [name, outcome] of outcomes)
        if (counts[name] > 0) records.inc({ outcome }, counts[name]);
    },
    ended: ({ kind, state, reason }) => ended.inc({ kind, state, reason: reason ?? '' }),
    request: ({ method, route, status, tookMs }) =>
      requests.observe({ method, route, status: `${Math.floor(status / 100)}xx` }, tookMs / 1_000),
    watchPool(name, pool) {
      const key = {};
      pools.set(key, { name, pool });
      return () => void pools.delete(key);
    },
    async read() {
      const now = performance.now();
      if (!kept || (!isReading && now - kept.at > keptMs)) kept = { at: now, text: readOnce() };
      return { type: registry.contentType, text: await kept.text };
    },
  };

  async function readOnce(): Promise<string> {
    isReading = true;
    try {
      return await measure();
    } finally {
      isReading = false;
    }
  }

  async function measure(): Promise<string> {
    // What is measured of the process is measured from the first time on that somebody asks.
    if (!isWatched) collectDefaultMetrics({ register: registry });
    isWatched = true;
    const context = contextOf();
    for (const one of Object.values(gauges)) one.reset();
    // One without labels is 0 then, which nobody has said.
    for (const one of [gauges.alerts, gauges.unsealed]) one.remove();
    try {
      say(await within(readFleet(context), withinMs));
      gauges.database.set(1);
    } catch (error) {
      gauges.database.set(0);
      context.log('warning', 'metrics are without what the database says', {
        error,
      });
    }
    countPools(context);
    saySeen(context);
    return registry.metrics();
  }

  function saySeen({ db: { standbys } }: Pick<TaskContext, 'db'>): void {
    for (const one of [standbyGauge, lagGauge]) one.reset();
    for (const { name: standby, kind, isUsed, lagMs } of standbys?.states() ?? []) {
      if (kind === 'primary') continue;
      standbyGauge.set({ standby }, isUsed ? 1 : 0);
      if (lagMs !== null) lagGauge.set({ standby }, lagMs / 1_000);
    }
  }

  function say({ tasks, workers, deliveries, alerts, unsealedSeconds }: Fleet): void {
    for (const { kind, state, queue, count, waiting } of tasks) {
      gauges.tasks.inc({ kind, state }, count);
      gauges.waiting.inc({ queue }, waiting);
    }
    for (const [queue, groups] of Map.groupBy(tasks, (group) => group.queue))
      gauges.oldest.set(
        { queue },
        Math.max(...groups.map(({ oldestSeconds }) => oldestSeconds ?? 0)),
      );
    for (const [state, count] of Object.entries(workers)) gauges.workers.set({ state }, count);
    for (const [kind, state, count] of [
      ['hook', 'waiting', deliveries.hooksWaiting],
      ['hook', 'given_up', deliveries.hooksParked],
      ['notice', 'waiting', deliveries.noticesWaiting],
      ['notice', 'given_up', deliveries.noticesGivenUp],
    ] as const)
      gauges.deliveries.set({ kind, state }, count);
    gauges.alerts.set(alerts);
    if (unsealedSeconds !== null) gauges.unsealed.set(unsealedSeconds);
  }

  function countPools({ db }: Pick<TaskContext, 'db'>): void {
    poolGauge.reset();
    const all = [
      { name: 'pages', pool: db.pages },
      { name: 'background', pool: db.background },
      ...pools.values(),
    ];
    for (const { name: pool, pool: counted } of all) {
      poolGauge.inc({ pool, state: 'total' }, counted.totalCount);
      poolGauge.inc({ pool, state: 'idle' }, counted.idleCount);
      poolGauge.inc({ pool, state: 'waiting' }, counted.waitingCount);
    }
  }
}
