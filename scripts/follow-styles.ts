import { join } from 'node:path';
import { subscribe } from '@parcel/watcher';
import { style, styleSources } from './style.mjs';

/** Makes the style sheet again whenever something that it is made from is saved. */
for (const folder of styleSources)
  await subscribe(join(import.meta.dirname, '..', folder), () => {
    // What is thrown in here ends the whole program.
    try {
      const wrong = style();
      if (wrong) console.error(wrong);
    } catch (error) {
      console.error(`The style sheet could not be built: ${String(error)}`);
    }
  });
