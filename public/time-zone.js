// Tells the server the browser's time zone, so that times are shown and meant in it.
const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
const { cookiePath } = document.documentElement.dataset;
const rest = `path=${cookiePath}; max-age=31536000; samesite=lax`;
if (timeZone) {
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store is only there over HTTPS
  document.cookie = `bulkhead_time_zone=${encodeURIComponent(timeZone)}; ${rest}`;
}
