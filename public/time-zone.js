// Tells the server the browser's time zone, so that times are shown and meant in it.
const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
const { cookiePath } = document.documentElement.dataset;
// biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store is only there over HTTPS
if (timeZone) document.cookie = `bulkhead_time_zone=${encodeURIComponent(timeZone)}; path=${cookiePath}; max-age=31536000; samesite=lax`;
