/** What each metric of ours is. `docs/metrics.md` is their table. */
export const metrics = {
  info: {
    name: 'bulkhead_info',
    type: 'gauge',
    help: 'Version of Bulkhead that this process runs.',
    labels: ['version'],
  },
  database: {
    name: 'bulkhead_database_up',
    type: 'gauge',
    help: 'Has the database answered this scrape in time? Where not, what is read from it is left out.',
    labels: [],
  },
  tasks: {
    name: 'bulkhead_tasks',
    type: 'gauge',
    help: 'Tasks that have not ended.',
    labels: ['kind', 'state'],
  },
  waiting: {
    name: 'bulkhead_queue_waiting_tasks',
    type: 'gauge',
    help: 'Tasks whose turn it is, but for a worker, a place or a queue that is paused.',
    labels: ['queue'],
  },
  oldest: {
    name: 'bulkhead_queue_oldest_seconds',
    type: 'gauge',
    help: 'For how long it has been the turn of the first of them.',
    labels: ['queue'],
  },
  workers: {
    name: 'bulkhead_workers',
    type: 'gauge',
    help: 'Workers: alive; of these busy and quiet; stale, which are silent, or gone and not yet buried.',
    labels: ['state'],
  },
  deliveries: {
    name: 'bulkhead_deliveries',
    type: 'gauge',
    help: 'Calls of hooks, and notices, that wait or were given up.',
    labels: ['kind', 'state'],
  },
  alerts: {
    name: 'bulkhead_alerts',
    type: 'gauge',
    help: 'What is wrong and has been said to operators, and is not over.',
    labels: [],
  },
  unsealed: {
    name: 'bulkhead_audit_unsealed_seconds',
    type: 'gauge',
    help: 'For how long the oldest entry of the audit waits for its seal.',
    labels: [],
  },
  ended: {
    name: 'bulkhead_tasks_ended_total',
    type: 'counter',
    help: 'Tasks that have ended, each counted by the one process that heard of it.',
    labels: ['kind', 'state', 'reason'],
  },
  records: {
    name: 'bulkhead_records_total',
    type: 'counter',
    help: 'Records that bulk work of this process has come to, by what became of them.',
    labels: ['outcome'],
  },
  chunks: {
    name: 'bulkhead_chunk_seconds',
    type: 'histogram',
    help: 'How long the transactions of chunks took in this process.',
    labels: [],
  },
  pools: {
    name: 'bulkhead_pool_connections',
    type: 'gauge',
    help: 'Connections of this process: total, of these idle; waiting is who waits for one.',
    labels: ['pool', 'state'],
  },
  standbys: {
    name: 'bulkhead_standby_used',
    type: 'gauge',
    help: 'Does this process read from the standby?',
    labels: ['standby'],
  },
  standbyLag: {
    name: 'bulkhead_standby_lag_seconds',
    type: 'gauge',
    help: 'Of how long it may lack what the primary has done, as this process sees it.',
    labels: ['standby'],
  },
  requests: {
    name: 'bulkhead_http_request_seconds',
    type: 'histogram',
    help: 'How long requests took in this process.',
    labels: ['method', 'route', 'status'],
  },
} as const;
