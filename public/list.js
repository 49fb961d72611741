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
