// Ticking records: every tick is sent as an explicit wish, one request at a time, and taken back when it fails.
import { actionOf } from './form.js';
import { isTyped } from './unsaved.js';

const list = () => document.getElementById('list');
const bar = () => document.getElementById('selection-bar');
const form = () => document.getElementById('selection-form');
const ticks = () => [...document.querySelectorAll('#records .row-tick')];

/** Key → wanted, not yet sent. */
let pending = new Map();
let isSending = false;
let waiters = [];
let anchor = null;
/** How many ticks were wished for; what was asked for before the last one shows what was ticked before it. */
let wishes = 0;
let wishesBefore = 0;

function showPageTick() {
  const box = document.getElementById('page-tick');
  if (!box) return;
  const all = ticks();
  for (const tick of all) tick.closest('tr')?.toggleAttribute('data-selected', tick.checked);
  const ticked = all.filter((tick) => tick.checked).length;
  box.hidden = all.length === 0;
  box.checked = all.length > 0 && ticked === all.length;
  box.indeterminate = ticked > 0 && ticked < all.length;
  box.setAttribute('aria-checked', box.indeterminate ? 'mixed' : String(box.checked));
}

function toast(message) {
  document.body.dispatchEvent(
    new CustomEvent('bulkhead:toast', { bubbles: true, detail: { level: 'error', message } }),
  );
}

const isIdle = () => !isSending && pending.size === 0;
const whenIdle = () => (isIdle() ? Promise.resolve() : new Promise((done) => waiters.push(done)));

function settled() {
  if (!isIdle()) return;
  const waiting = waiters;
  waiters = [];
  for (const done of waiting) done();
}

function want(boxes, isTicked) {
  wishes++;
  for (const box of boxes) {
    box.checked = isTicked;
    pending.set(box.value, isTicked);
  }
  showPageTick();
  void send();
}

/** Everything that has gathered goes in one request; what gathers meanwhile waits for its answer. */
async function send() {
  if (isSending || pending.size === 0) return;
  const sent = pending;
  pending = new Map();
  const keys = [...sent].filter(([, isTicked]) => isTicked).map(([key]) => key);
  const action = keys.length === sent.size ? 'add' : keys.length === 0 ? 'remove' : 'page';
  const body = [
    ['_do', action],
    ...(action === 'remove' ? [...sent.keys()] : keys).map((key) => ['key', key]),
  ];
  if (action === 'page') for (const key of sent.keys()) body.push(['shown', key]);
  isSending = true;
  const isDone = await post(body);
  isSending = false;
  if (!isDone) takeBack(sent);
  if (pending.size > 0) void send();
  else settled();
}

function takeBack(sent) {
  for (const box of ticks())
    if (sent.has(box.value) && !pending.has(box.value)) box.checked = !sent.get(box.value);
  showPageTick();
}

async function post(pairs) {
  const target = form();
  if (!target) return false;
  const body = new URLSearchParams(pairs);
  for (const name of ['_csrf', '_s', '_list'])
    body.set(name, target.elements.namedItem(name)?.value ?? '');
  const failed = bar()?.firstElementChild?.dataset.failed ?? 'Failed';
  try {
    const headers = { 'HX-Request': 'true', 'HX-Target': 'selection-bar' };
    const answer = await fetch(target.action, {
      method: 'POST',
      headers,
      body,
      credentials: 'same-origin',
      keepalive: body.toString().length < 60_000,
    });
    if (!answer.ok || answer.redirected) throw new Error(await reasonOf(answer));
    show(await answer.text(), answer.headers.get('HX-Replace-Url'));
    return true;
  } catch (error) {
    toast(
      error instanceof Error && error.name === 'Error' && error.message !== ''
        ? error.message
        : failed,
    );
    return false;
  }
}

async function reasonOf(answer) {
  if (answer.status === 401 || answer.redirected) return '';
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  return page.querySelector('[data-error-message]')?.textContent?.trim() ?? '';
}

function show(html, path) {
  const place = bar();
  if (!place) return;
  const focused = place.contains(document.activeElement)
    ? document.activeElement?.getAttribute('value')
    : null;
  place.innerHTML = html;
  window.htmx?.process(place);
  const content = place.firstElementChild;
  const selectionId = content?.dataset.selection ?? '';
  form().elements.namedItem('_s').value = selectionId;
  if (path) history.replaceState(history.state, '', path);
  carry(selectionId);
  const status = document.getElementById('selection-status');
  if (status) status.textContent = content?.querySelector('.selection-count')?.textContent ?? '';
  if (focused)
    (place.querySelector(`[value="${focused}"]`) ?? place.querySelector('button, a'))?.focus();
}

/** Links and forms that were made before the selection began lead on with it. */
function carry(selectionId) {
  const root = list();
  const records = document.getElementById('records');
  if (!root || !records) return;
  const home = new URL(actionOf(document.getElementById('list-filter'))).pathname;
  const withSelection = (address) => {
    const url = new URL(address, location.href);
    if (url.pathname !== home) return null;
    if (selectionId) url.searchParams.set('_s', selectionId);
    else url.searchParams.delete('_s');
    return url.pathname + url.search;
  };
  for (const link of root.querySelectorAll('a[hx-get]')) {
    const href = withSelection(link.href);
    if (!href) continue;
    link.setAttribute('href', href);
    link.setAttribute('hx-get', href);
  }
  for (const link of root.querySelectorAll('a[data-back]')) {
    const url = new URL(link.href);
    const back = new URLSearchParams(url.searchParams.get('_back') ?? '');
    if (selectionId) back.set('_s', selectionId);
    else back.delete('_s');
    if (back.size > 0) url.searchParams.set('_back', back.toString());
    else url.searchParams.delete('_back');
    link.setAttribute('href', url.pathname + url.search);
  }
  const refresh = withSelection(records.getAttribute('hx-get'));
  if (refresh) records.setAttribute('hx-get', refresh);
  for (const [owner, of] of [
    [records, 'list-filter'],
    [records.querySelector('nav form'), null],
  ]) {
    if (!owner) continue;
    owner.querySelector(of ? `input[name="_s"][form="${of}"]` : 'input[name="_s"]')?.remove();
    if (!selectionId) continue;
    const input = Object.assign(document.createElement('input'), {
      type: 'hidden',
      name: '_s',
      value: selectionId,
    });
    if (of) input.setAttribute('form', of);
    owner.prepend(input);
  }
}

/** From the last tick that was set to this one, both included. */
function rangeTo(box) {
  const all = ticks();
  const from = all.findIndex((tick) => tick.value === anchor);
  const to = all.indexOf(box);
  return from < 0 ? [box] : all.slice(Math.min(from, to), Math.max(from, to) + 1);
}

document.addEventListener('click', (event) => {
  const box = event.target.closest?.('#records .row-tick');
  if (box) {
    want(event.shiftKey ? rangeTo(box) : [box], box.checked);
    anchor = box.value;
    return;
  }
  if (event.target.id === 'page-tick') {
    want(ticks(), event.target.checked);
    return;
  }
  const button = event.target.closest?.('#selection-bar button[name="_do"]');
  if (button && form()) {
    event.preventDefault();
    void command(button.value);
  }
});

async function command(action) {
  await whenIdle();
  wishes++;
  isSending = true;
  const before = ticks().map((box) => [box, box.checked]);
  for (const [box] of before) box.checked = action === 'matching';
  showPageTick();
  const isDone = await post([['_do', action]]);
  isSending = false;
  if (!isDone) for (const [box, wasTicked] of before) box.checked = wasTicked;
  showPageTick();
  if (pending.size > 0) void send();
  else settled();
}

document.addEventListener('keydown', (event) => {
  const box = event.target.closest?.('#records .row-tick');
  if (!box) return;
  if (event.key === ' ' && event.shiftKey) {
    event.preventDefault();
    want(rangeTo(box), !box.checked);
    anchor = box.value;
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const all = ticks();
  const next = all[all.indexOf(box) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  if (!event.shiftKey) return;
  anchor ??= box.value;
  want([box, next], true);
});

// A shifted click on a label or box would mark text instead.
document.addEventListener('mousedown', (event) => {
  if (event.shiftKey && event.target.closest?.('#records .row-tick')) event.preventDefault();
});

document.addEventListener('htmx:beforeRequest', ({ detail }) => {
  if (detail.elt.id === 'records') wishesBefore = wishes;
});
document.addEventListener('htmx:beforeSwap', ({ detail }) => {
  if (detail.requestConfig.elt.id !== 'records' || wishes === wishesBefore) return;
  detail.shouldSwap = false;
  void whenIdle().then(() =>
    document.body.dispatchEvent(new CustomEvent('bulkhead:moved', { bubbles: true })),
  );
});

// Whatever leaves the page waits for ticks that are on their way.
document.addEventListener('htmx:confirm', (event) => {
  if (isIdle() || !list()?.contains(event.detail.elt)) return;
  event.preventDefault();
  void whenIdle().then(() => event.detail.issueRequest(true));
});

// htmx remembers the address of a link from when it first saw it; the selection may have begun since.
document.addEventListener('htmx:configRequest', (event) => {
  const { elt } = event.detail;
  if (elt.id === 'records' || elt.matches?.('#list a[hx-get]'))
    event.detail.path = elt.getAttribute('hx-get') ?? event.detail.path;
});

document.addEventListener(
  'click',
  (event) => {
    const link = event.target.closest?.('a[href]');
    if (!link || isIdle() || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.hasAttribute('hx-get') || link.target === '_blank') return;
    event.preventDefault();
    void whenIdle().then(() => location.assign(link.href));
  },
  true,
);

document.addEventListener('htmx:afterSettle', showPageTick);
window.addEventListener('pageshow', showPageTick);
showPageTick();
// What was ticked before this script came.
for (const box of ticks()) if (isTyped(box)) want([box], box.checked);
