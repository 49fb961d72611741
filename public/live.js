// Asks for everything on the page that moves by itself, by one request: `data-live` says what is asked for, and `data-every` how often, in seconds.
// What has ended has none in its answer, of which the status is 286 once all has; what is not answered is asked for no more either.
import { createPace } from './pace.js';

const root = document.getElementById('live');
const timeoutMs = 30_000;

const pace = createPace();
let timer = null;
/** The request under way. */
let asking = null;
/** Presses on pieces whose answers are on their way: they show the piece themselves. */
let presses = 0;
let isOver = false;

const elements = () => [...document.querySelectorAll('[data-live]')];
const pieceOf = ({ id, dataset }) => ({
  id,
  live: dataset.live,
  everyMs: Number(dataset.every) * 1000,
});
const pieces = () => elements().map(pieceOf);

function plan() {
  clearTimeout(timer);
  if (isOver || asking || presses > 0) return;
  const all = pieces();
  if (all.length > 0) timer = setTimeout(look, pace.nextAt(all, document.hidden) - Date.now());
}

async function look() {
  const { wanted, query } = pace.wanted(pieces(), document.hidden);
  if (wanted.length === 0) return plan();
  const own = new AbortController();
  asking = own;
  const html = await ask(query, own.signal);
  asking = null;
  if (html !== null && !own.signal.aborted) show(html, wanted);
  plan();
}

/** Null: there is nothing to show. */
async function ask(query, signal) {
  try {
    const answer = await fetch(`${root.dataset.href}?${query}`, {
      headers: { 'HX-Request': 'true' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (answer.status === 401 || answer.redirected) signedOut(null);
    else if (answer.ok) return await answer.text();
    else lost(answer.headers.get('Retry-After'));
  } catch {
    if (!signal.aborted) lost(null);
  }
  return null;
}

const shownIn = (element) =>
  `${element.querySelector('progress')?.getAttribute('value')} ${element.textContent.replace(/\s+/g, ' ')}`;

function show(html, wanted) {
  pace.answered();
  removeNotes();
  const answer = new DOMParser().parseFromString(html, 'text/html').body;
  const events = JSON.parse(answer.querySelector('#live-events').dataset.events);
  const before = wanted
    .map(({ id }) => document.getElementById(id))
    .filter((element) => element !== null)
    .map((element) => [element.id, shownIn(element)]);
  const answered = new Set([...answer.children].map(({ id }) => id));
  for (const piece of [...answer.children]) {
    const place = document.getElementById(piece.id);
    if (place)
      window.htmx.swap(place, piece.outerHTML, { swapStyle: 'morph' }, { contextElement: root });
  }
  const over = events.find(([name]) => name === 'bulkhead:signed-out');
  if (over) return signedOut(over[1].href);
  for (const [id, text] of before) {
    const element = document.getElementById(id);
    if (!element?.dataset.live) continue;
    if (answered.has(id)) pace.asked(pieceOf(element), shownIn(element) !== text);
    else element.removeAttribute('data-live');
  }
  for (const [name, detail] of events) tell(name, detail);
}

function tell(name, detail) {
  if (name === 'bulkhead:leave') return location.assign(detail.href);
  if (name === 'bulkhead:freed') root.textContent = detail.message;
  document.body.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
}

function lost(retryAfter) {
  pace.lost(retryAfter);
  note(root.dataset.lost);
}

/** Nobody is asked any more. */
function signedOut(href) {
  isOver = true;
  note(root.dataset.signedOut, href);
  for (const element of elements()) element.removeAttribute('data-live');
}

function removeNotes() {
  for (const old of document.querySelectorAll('.live-note')) old.remove();
}

/** Beside each piece but the bell; of a list's rows once. */
function note(text, href = null) {
  const places = new Set(elements().map((element) => element.closest('#records') ?? element));
  for (const place of places) {
    if (place.id === 'bell' || place.querySelector(':scope > .live-note')) continue;
    const line = document.createElement('div');
    line.className = 'live-note alert alert-warning alert-soft';
    line.role = 'status';
    place.prepend(line);
    line.textContent = text;
    if (!href) continue;
    const way = document.createElement('a');
    way.className = 'link';
    way.href = href;
    way.textContent = root.dataset.signIn;
    line.append(' ', way);
  }
}

function hurry() {
  pace.hurry();
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
    pace.forget(piece.id);
    plan();
  });
});
document.addEventListener('htmx:afterSettle', plan);
plan();
