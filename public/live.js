// Asks for everything on the page that moves by itself, by one request: what has `data-live` says what is asked for, and `data-every` how often, in seconds.
// What has ended has none in its answer, of which the status is 286 once all has; what is not answered is asked for no more either. Seldom in a hidden tab, and where nothing moves; at once when somebody looks.
import { hiddenMs, nextMs, retryMs, scatter } from './pace.js';

const root = document.getElementById('live');
/** Characters of what is asked for at once; the rest is asked for next. */
const longest = 8_000;
const timeoutMs = 30_000;

/** Of each piece by its id: when it was last asked for or first seen, and how long to wait after that. */
const paces = new Map();
let timer = null;
/** The request under way. */
let asking = null;
/** Presses on pieces whose answers are on their way: they show the piece themselves. */
let presses = 0;
/** What is asked for together stays together. */
let factor = scatter();
let failures = 0;
let notBefore = 0;
let isOver = false;

const pieces = () => [...document.querySelectorAll('[data-live]')];
const everyMs = (piece) => Number(piece.dataset.every) * 1000;

function paceOf(piece) {
  const known = paces.get(piece.id);
  if (known) return known;
  const ms = everyMs(piece);
  const pace = { at: Date.now(), ms, wait: ms * factor };
  paces.set(piece.id, pace);
  return pace;
}

const waitOf = (piece) => {
  const { wait } = paceOf(piece);
  return document.hidden ? Math.max(wait, hiddenMs) : wait;
};
const dueAt = (piece) => paceOf(piece).at + waitOf(piece);

function plan() {
  clearTimeout(timer);
  if (isOver || asking || presses > 0) return;
  const all = pieces();
  for (const id of paces.keys()) if (!document.getElementById(id)) paces.delete(id);
  if (all.length === 0) return;
  const at = Math.max(notBefore, Math.min(...all.map(dueAt)));
  timer = setTimeout(look, at - Date.now());
}

/** Those that are due, and those that would be soon: they come along. */
function wantedNow() {
  const now = Date.now();
  const due = pieces()
    .filter((piece) => dueAt(piece) - waitOf(piece) / 2 <= now)
    .sort((one, other) => dueAt(one) - dueAt(other));
  const parts = new Set();
  const wanted = [];
  let length = 0;
  for (const piece of due) {
    const more = piece.dataset.live.split('&').filter((part) => !parts.has(part));
    length += more.join('&').length + 1;
    if (wanted.length > 0 && length > longest) break;
    for (const part of more) parts.add(part);
    wanted.push(piece);
  }
  return { wanted, query: [...parts].join('&') };
}

async function look() {
  const { wanted, query } = wantedNow();
  if (wanted.length === 0) return plan();
  const own = new AbortController();
  asking = own;
  try {
    const signal = AbortSignal.any([own.signal, AbortSignal.timeout(timeoutMs)]);
    const headers = { 'HX-Request': 'true' };
    const answer = await fetch(`${root.dataset.href}?${query}`, { headers, signal });
    if (answer.status === 401 || answer.redirected) signedOut(null);
    else if (!answer.ok) lost(answer.headers.get('Retry-After'));
    else {
      const html = await answer.text();
      if (!own.signal.aborted) show(html, wanted);
    }
  } catch {
    if (!own.signal.aborted) lost(null);
  } finally {
    asking = null;
    plan();
  }
}

const shownIn = (piece) =>
  `${piece.querySelector('progress')?.getAttribute('value')} ${piece.textContent.replace(/\s+/g, ' ')}`;

function show(html, wanted) {
  failures = 0;
  notBefore = 0;
  removeNotes();
  const now = Date.now();
  factor = scatter();
  const answer = new DOMParser().parseFromString(html, 'text/html').body;
  const events = JSON.parse(answer.querySelector('#live-events').dataset.events);
  const before = new Map(wanted.map((piece) => [piece.id, shownIn(piece)]));
  const answered = new Set([...answer.children].map((piece) => piece.id));
  for (const piece of [...answer.children]) {
    const place = document.getElementById(piece.id);
    if (place)
      window.htmx.swap(place, piece.outerHTML, { swapStyle: 'morph' }, { contextElement: root });
  }
  const over = events.find(([name]) => name === 'bulkhead:signed-out');
  if (over) return signedOut(over[1].href);
  for (const [id, text] of before) {
    const piece = document.getElementById(id);
    if (!piece?.dataset.live) continue;
    if (!answered.has(id)) piece.removeAttribute('data-live');
    const ms = nextMs(paceOf(piece).ms, everyMs(piece), shownIn(piece) !== text);
    paces.set(id, { at: now, ms, wait: ms * factor });
  }
  for (const [name, detail] of events) tell(name, detail);
}

function tell(name, detail) {
  if (name === 'bulkhead:leave') location.assign(detail.href);
  else {
    if (name === 'bulkhead:freed') root.textContent = detail.message;
    document.body.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}

function lost(retryAfter) {
  failures++;
  notBefore = Date.now() + retryMs(failures, retryAfter);
  note(root.dataset.lost);
}

/** Nobody is asked any more. */
function signedOut(href) {
  isOver = true;
  note(root.dataset.signedOut, href);
  for (const piece of pieces()) piece.removeAttribute('data-live');
}

const notes = () => document.querySelectorAll('.live-note');
function removeNotes() {
  for (const old of notes()) old.remove();
}

/** Beside each piece but the bell; of a list's rows once. The first is also said. */
function note(text, href = null) {
  const places = new Set(pieces().map((piece) => piece.closest('#records') ?? piece));
  for (const place of places) {
    if (place.id === 'bell' || place.querySelector(':scope > .live-note')) continue;
    const line = document.createElement('div');
    line.className = 'live-note alert alert-warning alert-soft';
    line.role = 'status';
    place.prepend(line);
    line.textContent = text;
    if (href)
      line.append(
        ' ',
        Object.assign(document.createElement('a'), {
          href,
          className: 'link',
          textContent: root.dataset.signIn,
        }),
      );
  }
}

/** Whatever waits is asked for at once. */
function hurry() {
  notBefore = 0;
  for (const pace of paces.values()) pace.wait = 0;
  plan();
}

document.addEventListener('visibilitychange', () => (document.hidden ? plan() : hurry()));
window.addEventListener('online', hurry);
// A page that comes back from the browser's memory may be hours old.
window.addEventListener('pageshow', ({ persisted }) => persisted && hurry());

// A press is answered by the piece as it is then: what was asked before would show it as it was.
document.addEventListener('htmx:beforeRequest', ({ detail: { elt, xhr } }) => {
  const piece = elt.closest('[data-live]');
  if (!piece) return;
  presses++;
  asking?.abort();
  xhr.addEventListener('loadend', () => {
    presses--;
    paces.delete(piece.id);
    plan();
  });
});
document.addEventListener('htmx:afterSettle', plan);
plan();
