import { readFileSync } from 'node:fs';
import { iconFile } from '../icon-names.ts';

const read = new Map<string, string>();

/** A lucide icon as inline SVG, hidden from screen readers: a text always stands beside it. */
export function icon(name: string, className = 'size-4 shrink-0'): string {
  let shapes = read.get(name);
  if (shapes === undefined) {
    shapes = readFileSync(iconFile(name), 'utf8')
      .replace(/^[\s\S]*?<svg[^>]*>/, '')
      .replace(/<\/svg>\s*$/, '')
      .replaceAll(/\s+/g, ' ')
      .trim();
    read.set(name, shapes);
  }
  return `<svg class="icon ${className}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shapes}</svg>`;
}
