// What is typed or chosen while a piece of its form is on the way is not lost to the answer: the piece is asked for again.
const shown = new WeakMap();
const stateOf = ({ value, checked, validity }) => `${checked} ${validity.badInput} ${value}`;

document.addEventListener('htmx:beforeRequest', ({ detail: { elt, target, xhr } }) => {
  if (!elt.form?.contains(target) && !target.contains(elt.form ?? document)) return;
  const controls = [...target.querySelectorAll('input, select, textarea')].filter(
    (control) => !control.closest('[hx-preserve]'),
  );
  shown.set(
    xhr,
    controls.map((control) => ({ control, state: stateOf(control) })),
  );
});

document.addEventListener('htmx:beforeSwap', ({ detail }) => {
  const isTouched = shown
    .get(detail.xhr)
    ?.some(({ control, state }) => control.isConnected && stateOf(control) !== state);
  if (!isTouched || !detail.shouldSwap) return;
  detail.shouldSwap = false;
  const { elt, triggeringEvent } = detail.requestConfig;
  window.htmx.trigger(elt, triggeringEvent.type);
});
