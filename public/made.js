// Tells the tab that asked for a new record which one was made.
const token = new URLSearchParams(location.search).get('_made');
const id = decodeURIComponent(location.pathname.split('/').at(-1));
new BroadcastChannel('bulkhead').postMessage({ token, id });
