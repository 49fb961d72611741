import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What a page asks for by itself. */
export interface LivePiece {
  id: string;
  live: string;
  everyMs: number;
}

/** When the browser asks, as `public/pace.js` says. */
export interface BrowserPace {
  nextAt(pieces: readonly LivePiece[], isHidden: boolean): number;
  wanted(pieces: readonly LivePiece[], isHidden: boolean): { wanted: LivePiece[]; query: string };
  answered(): void;
  asked(piece: LivePiece, hasMoved: boolean): void;
  lost(retryAfter: string | null): void;
  hurry(): void;
}

const file = pathToFileURL(join(import.meta.dirname, '../../public/pace.js')).href;

export const { createPace } = (await import(file)) as { createPace(): BrowserPace };
