const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: '\u00a0' };

function plain(html: string): string {
  return html.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => entities[name] as string);
}

function attribute(tag: string, name: string): string | null {
  const match = new RegExp(`\\s${name}(?:="([^"]*)")?(?=[\\s>/])`).exec(tag);
  return match ? plain(match[1] ?? '') : null;
}

const holds: Record<string, RegExp> = {
  date: /^\d{4}-\d{2}-\d{2}$/,
  time: /^\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?$/,
  'datetime-local': /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?$/,
};

/** A control that cannot hold its value is shown empty, and sends that. */
function held(type: string | null, value: string): string {
  return (holds[type ?? '']?.test(value) ?? true) ? value.replace(/\r?\n/g, '') : '';
}

/** What a browser would send of the form with this id, as it is shown. */
export function formOf(html: string, id: string): Record<string, string[]> {
  const form = new RegExp(`<form[^>]*\\sid="${id}"[\\s\\S]*?</form>`).exec(html)?.[0];
  if (!form) throw new Error(`the page has no form "${id}"`);
  const pairs: [string, string][] = [];
  const controls = /<input\b[^>]*>|<textarea\b[^>]*>[\s\S]*?<\/textarea>|<select\b[^>]*>[\s\S]*?<\/select>/g;
  for (const [control] of form.matchAll(controls)) {
    const tag = /^<[^>]*>/.exec(control)?.[0] ?? '';
    const name = attribute(tag, 'name');
    const type = attribute(tag, 'type');
    if (!name || attribute(tag, 'disabled') !== null) continue;
    if ((type === 'checkbox' || type === 'radio') && attribute(tag, 'checked') === null) continue;
    if (tag.startsWith('<textarea')) pairs.push([name, plain(control.slice(tag.length, -'</textarea>'.length)).replace(/^\n/, '')]);
    else if (tag.startsWith('<select')) pairs.push([name, chosenOf(control)]);
    else pairs.push([name, held(type, attribute(tag, 'value') ?? '')]);
  }
  const sent: Record<string, string[]> = Object.create(null);
  for (const [name, value] of pairs) sent[name] = [...(sent[name] ?? []), value.replace(/\r?\n/g, '\r\n')];
  return sent;
}

function chosenOf(select: string): string {
  const options = [...select.matchAll(/<option\b[^>]*>/g)].map(([tag]) => tag);
  const chosen = options.find((tag) => attribute(tag, 'selected') !== null) ?? options[0];
  return chosen ? (attribute(chosen, 'value') ?? '') : '';
}
