// A tick of a preview swaps the page in place: whoever is at it keeps the focus and what is open, and is told the new figures.
const page = () => document.getElementById('preview');
const options = () => document.getElementById('preview-options');
let place = { focus: '', isOpen: false };

document.addEventListener('htmx:beforeSwap', ({ detail }) => {
  if (detail.target === page())
    place = { focus: document.activeElement?.id ?? '', isOpen: options()?.open ?? false };
});

document.addEventListener('htmx:afterSwap', () => {
  const details = options();
  if (details && place.isOpen) details.open = true;
  if (document.activeElement === document.body)
    document.getElementById(place.focus)?.focus({ preventScroll: true });
  document.getElementById('preview-status').textContent = page()?.dataset.status ?? '';
});

// A tick that did not arrive is taken back: the page shows what the server knows.
document.addEventListener('htmx:afterRequest', ({ detail }) => {
  if (detail.successful || !detail.elt.matches('.preview-keep')) return;
  for (const box of document.querySelectorAll('.preview-keep')) {
    box.checked = box.closest('tr').querySelector('input[name="kept"]') !== null;
  }
});
