// Shows what an answer tells through HX-Trigger: { "bulkhead:toast": { level, message, link: { href, label }, more: { href, label } } }.
const region = document.getElementById('toasts');
const levels = ['success', 'warning', 'error', 'info'];
const staysMs = { success: 6000, info: 6000, warning: 12000, error: 20000 };

// A modal dialog covers everything outside it: as a popover the region stands above.
region.popover = 'manual';

function toast(level, message, key = '', links = []) {
  if (key !== '' && [...region.children].some((shown) => shown.dataset.key === key)) return;
  const known = levels.includes(level) ? level : 'info';
  const note = document.createElement('div');
  note.className = `toast-note toast-${known}`;
  note.dataset.key = key;
  const text = document.createElement('span');
  text.textContent = message;
  for (const link of links.filter(Boolean)) {
    const way = document.createElement('a');
    way.className = 'link font-medium';
    way.href = link.href;
    way.textContent = link.label;
    text.append(' ', way);
  }
  const close = document.createElement('button');
  close.type = 'button';
  close.className = 'btn btn-ghost btn-xs btn-square';
  close.ariaLabel = region.dataset.close;
  close.textContent = '×';
  note.append(text, close);
  region.append(note);
  if (region.matches(':popover-open')) region.hidePopover();
  region.showPopover();
  let timer;
  const leave = () => {
    clearTimeout(timer);
    note.remove();
    if (region.childElementCount === 0) region.hidePopover();
  };
  const wait = () => {
    timer = setTimeout(leave, staysMs[known]);
  };
  note.addEventListener('pointerenter', () => clearTimeout(timer));
  note.addEventListener('pointerleave', wait);
  close.addEventListener('click', leave);
  wait();
}

document.addEventListener('bulkhead:toast', ({ detail }) =>
  toast(detail.level, detail.message, detail.key, [detail.more, detail.link]),
);
document.addEventListener('htmx:sendError', () => toast('error', region.dataset.offline));
document.addEventListener('htmx:responseError', ({ detail: { xhr } }) => {
  const isTold = (xhr.getResponseHeader('HX-Trigger') ?? '').includes('bulkhead:toast');
  if (!isTold && !xhr.getResponseHeader('HX-Redirect')) toast('error', region.dataset.failed);
});
