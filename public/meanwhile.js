// What is typed or chosen while a piece of its form is on the way is not lost to the answer: the piece is asked for again.
// Where a whole form was sent, or something is typed that no form sends, it is put into what comes.
import { isForm } from './form.js';

const shown = new WeakMap();

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

document.addEventListener('htmx:beforeRequest', ({ detail: { elt, target, xhr } }) => {
  const form = isForm(elt) ? elt : elt.form;
  if (!form?.contains(target) && !target.contains(form ?? document)) return;
  const states = new Map(controlsIn(target).map((control) => [control, stateOf(control)]));
  shown.set(xhr, { sent: sentIn(target), states, isWhole: isForm(elt) });
});

let typed = [];

document.addEventListener('htmx:beforeSwap', ({ detail }) => {
  const before = shown.get(detail.xhr);
  if (!before || !detail.shouldSwap) return;
  if (!before.isWhole && sentIn(detail.target) !== before.sent) {
    detail.shouldSwap = false;
    const { elt, triggeringEvent } = detail.requestConfig;
    window.htmx.trigger(elt, triggeringEvent.type);
    return;
  }
  typed = [...before.states].filter(
    ([control, state]) =>
      control.isConnected &&
      control.id !== '' &&
      control.type !== 'hidden' &&
      stateOf(control) !== state,
  );
});

document.addEventListener('htmx:afterSwap', () => {
  for (const [{ id, name, value, checked }] of typed) {
    const control = document.getElementById(id);
    if (!control || control.name !== name) continue;
    control.value = value;
    control.checked = checked;
    if (!isSent(control)) control.dispatchEvent(new Event('input', { bubbles: true }));
  }
  typed = [];
});
