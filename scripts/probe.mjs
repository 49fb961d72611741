// Is the process in this container up? For HEALTHCHECK: the image has no curl. What serves no pages and no probes is up for as long
// as its process is there, which whoever runs the container sees by itself.
import { readFileSync } from 'node:fs';

const { BULKHEAD_PROBE_PORT, PORT = '3000', BULKHEAD_PREFIX = '' } = process.env;
const words = readFileSync(`/proc/${process.env.BULKHEAD_PROCESS ?? 1}/cmdline`, 'utf8').split(
  '\0',
);
const isServed = words.includes('serve') || words.includes('start');
if (!isServed && !BULKHEAD_PROBE_PORT) process.exit(0);
const address = isServed ? `${PORT}${BULKHEAD_PREFIX}` : BULKHEAD_PROBE_PORT;
const answer = await fetch(`http://127.0.0.1:${address}/healthz`, {
  signal: AbortSignal.timeout(4_000),
}).catch(() => null);
process.exit(answer?.ok ? 0 : 1);
