// What is typed or chosen while a piece of its form is on the way is not lost to the answer: the piece is asked for again.
// Where a whole form was sent or is replaced, or something is typed that no form sends, it is put into what comes.
import { isForm } from './form.js';
import { isTyped } from './unsaved.js';

const shown = new WeakMap();
/** What a control held when an answer to it was last shown. */
const answered = new WeakMap();

const controlsIn = (place) =>
  [...place.querySelectorAll('input, select, textarea')].filter(
    (control) => !control.closest('[hx-preserve]'),
  );
const stateOf = ({ value, checked, validity }) => `${checked} ${validity.badInput} ${value}`;
const isSent = ({ name }) => name !== '';
/** Tokens of pickers come and go, so it is all of them together that is compared. */
const sentIn = (place) =>
  controlsIn(place)
    .filter(isSent)
    .map((control) => `${control.name}=${stateOf(control)}`)
    .join('\n');
const isAnswered = (control) =>
  answered.has(control) ? answered.get(control) === stateOf(control) : !isTyped(control);
const formOf = (elt) => (isForm(elt) ? elt : (elt.form ?? null));

document.addEventListener('htmx:beforeRequest', ({ detail: { elt, target, xhr } }) => {
  const form = formOf(elt);
  const asked = form ? controlsIn(form).map((control) => [control, stateOf(control)]) : [];
  shown.set(xhr, { asked });
  if (form && !form.contains(target) && !target.contains(form)) return;
  // A link of a form's answer knows nothing of what was typed after that.
  const controls = controlsIn(target).filter(
    (control) => form !== null || control.closest('form') !== null,
  );
  const states = controls.map((control) => [
    control,
    form === null && !isAnswered(control) ? null : stateOf(control),
  ]);
  const isWhole = form === null || isForm(elt);
  shown.set(xhr, { asked, states, sent: sentIn(target), isWhole, isReplaced: form === null });
});

const underWay = new Set();

document.addEventListener('htmx:beforeRequest', ({ detail: { target, xhr } }) => {
  const asked = { target, xhr };
  underWay.add(asked);
  xhr.addEventListener('loadend', () => underWay.delete(asked));
});

// What was asked for a place that is there no more is older than what took it: its answer, of which no event is heard here,
// would show nothing and leave its address behind.
document.addEventListener('htmx:afterSwap', () => {
  for (const { target, xhr } of [...underWay]) if (!target.isConnected) xhr.abort();
});

let typed = [];
let isReplaced = false;

document.addEventListener('htmx:beforeSwap', ({ detail }) => {
  const before = shown.get(detail.xhr);
  if (!before || !detail.shouldSwap) return;
  for (const [control, state] of before.asked) answered.set(control, state);
  if (!before.states) return;
  if (!before.isWhole && sentIn(detail.target) !== before.sent) {
    detail.shouldSwap = false;
    const { elt, triggeringEvent } = detail.requestConfig;
    window.htmx.trigger(elt, triggeringEvent.type);
    return;
  }
  isReplaced = before.isReplaced;
  typed = before.states
    .map(([control]) => control)
    .filter(
      (control, index) =>
        control.isConnected &&
        control.id !== '' &&
        control.type !== 'hidden' &&
        stateOf(control) !== before.states[index][1],
    )
    // A piece that is morphed keeps its controls, and gives them what it came with.
    .map(({ id, name, value, checked }) => ({ id, name, value, checked }));
});

let putBack = [];

document.addEventListener('htmx:afterSwap', () => {
  for (const { id, name, value, checked } of typed) {
    const control = document.getElementById(id);
    if (!control || control.name !== name) continue;
    control.value = value;
    control.checked = checked;
    if (!isSent(control)) control.dispatchEvent(new Event('input', { bubbles: true }));
    else if (isReplaced) putBack.push(control);
  }
  typed = [];
});

// Only what has settled hears of it.
document.addEventListener('htmx:afterSettle', () => {
  const controls = putBack.filter((control) => control.isConnected);
  putBack = [];
  for (const control of controls) control.dispatchEvent(new Event('change', { bubbles: true }));
});
