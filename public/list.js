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

// The page that makes a filter begins with what the list shows now, which may have been swapped in since.
document.addEventListener(
  'click',
  (event) => {
    const link = event.target.closest?.('a[data-filter-link]');
    const records = document.getElementById('records');
    if (link && records) link.search = new URL(records.getAttribute('hx-get'), location.href).search;
  },
  true,
);
