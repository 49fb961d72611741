const unescaped = (text: string) =>
  text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');

/** What a page asks for on its own: everything in it that is live, or the piece of this id. */
export function livePath(html: string, id = '[^"]*'): string {
  const pieces = html.matchAll(new RegExp(`id="${id}"[^>]*? data-live="([^"]+)"`, 'g'));
  const parts = [...pieces].flatMap(([, live]) => unescaped(String(live)).split('&'));
  return `/tasks/live?${[...new Set(parts)].join('&')}`;
}

/** The events of an answer to that, by their names; of several of one name the last. */
export function eventsIn(html: string): Record<string, unknown> {
  const events = /data-events="([^"]*)"/.exec(html)?.[1] ?? '[]';
  return Object.fromEntries(JSON.parse(unescaped(events)));
}
