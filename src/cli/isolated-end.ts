import { Socket } from 'node:net';

/** The thread that ends its process when the worker which started that is gone. */
const pipe = new Socket({ fd: 4 });
const end = () => process.kill(process.pid, 'SIGKILL');
pipe.on('end', end).on('error', end).resume();
