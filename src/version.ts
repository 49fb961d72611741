import { readFileSync } from 'node:fs';
import { ourFile } from './our-files.ts';

/** Of Bulkhead, as its package says. */
export const { version } = JSON.parse(readFileSync(ourFile('package.json'), 'utf8')) as {
  version: string;
};
