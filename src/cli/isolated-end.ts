import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';

const lookEveryMs = 100;
const megabyte = 1024 ** 2;

/** The thread that ends its process when the worker which started that is gone. */
const fd = 4;
const pipe = new Socket({ fd });
const end = () => process.kill(process.pid, 'SIGKILL');
pipe.on('end', end).on('error', end).resume();

/** And, having said so, where it takes more memory than it may. */
const maxMemoryMb = workerData as number | null;
if (maxMemoryMb !== null)
  setInterval(() => {
    const mb = Math.round(process.memoryUsage.rss() / megabyte);
    if (mb <= maxMemoryMb) return;
    writeSync(fd, String(mb));
    end();
  }, lookEveryMs);
