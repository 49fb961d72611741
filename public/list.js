// A shifted click, or Shift and Enter, on a column's head sorts by it after those that the list is sorted by.
function thenBy(event) {
  const link = event.shiftKey ? event.target.closest?.('#records a[data-then-by]') : null;
  if (!link) return;
  const url = new URL(link.href);
  url.searchParams.set('_sort', link.dataset.thenBy);
  const address = (url.pathname + url.search).replaceAll('%2C', ',');
  link.setAttribute('href', address);
  link.setAttribute('hx-get', address);
}

document.addEventListener('click', thenBy, true);

// A quick filter is swapped only with the whole list; until then it shows here that it is on.
document.addEventListener('change', (event) => {
  const filter = event.target.closest?.('#list-filter details');
  if (!filter) return;
  const isSet = ({ type, name, value, checked }) =>
    name !== '' && value !== '' && (!['checkbox', 'radio'].includes(type) || checked);
  const isActive = [...filter.querySelectorAll('input, select')].some(isSet);
  for (const name of ['border-primary', 'text-primary'])
    filter.querySelector('summary').classList.toggle(name, isActive);
});

// An open filter closes when somebody looks elsewhere.
document.addEventListener('click', (event) => {
  for (const open of document.querySelectorAll('#list-filter details[open]')) {
    if (open.contains(event.target) && !event.target.closest?.('[data-close-filter]')) continue;
    // Enter presses the form's first button: who typed in the filter stays at it.
    if (event.detail === 0 && open.contains(document.activeElement))
      open.querySelector('summary').focus();
    setTimeout(() => open.removeAttribute('open'));
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const open = event.target.closest?.('#list-filter details[open]');
  if (!open) return;
  open.removeAttribute('open');
  open.querySelector('summary')?.focus();
});

// The page that makes a filter begins with what the list shows now, which may have been swapped in since.
document.addEventListener(
  'click',
  (event) => {
    const link = event.target.closest?.('a[data-filter-link]');
    const records = document.getElementById('records');
    if (link && records)
      link.search = new URL(records.getAttribute('hx-get'), location.href).search;
  },
  true,
);
