// In pages of a project's own: shows how far tasks are. An element says by `data-bulkhead-progress` where to ask; one that comes later is seen too.
// What has ended, is not theirs, or is nobody's any more is asked for no more; what is not answered is asked for again, later each time.
const everyMs = 1_000;
const seldomMs = 30_000;
const followed = new WeakSet();

async function follow(element) {
  let waitMs = everyMs;
  let shown = '';
  while (element.isConnected) {
    const answer = await ask(element.dataset.bulkheadProgress);
    if (answer && answer.status !== 200 && answer.status !== 286) return tell(element, 'lost');
    if (answer && answer.html !== shown) show(element, answer.html);
    shown = answer?.html ?? shown;
    if (answer?.status === 286) return tell(element, 'ended');
    waitMs = answer ? everyMs : Math.min(waitMs * 2, seldomMs);
    await rest(document.hidden ? seldomMs : waitMs);
  }
}

/** Until the time has passed, or the page is looked at again. */
function rest(ms) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    document.addEventListener('visibilitychange', over);
  });
}

/** Null: nobody answers for now. */
async function ask(address) {
  try {
    const answer = await fetch(address, { headers: { accept: 'text/html' }, redirect: 'manual' });
    return answer.status >= 500 ? null : { status: answer.status, html: await answer.text() };
  } catch {
    return null;
  }
}

function show(element, html) {
  const isWithin = element.contains(document.activeElement);
  element.innerHTML = html;
  // Whoever has come to the link stays there.
  if (isWithin) element.querySelector('a')?.focus();
}

function tell(element, what) {
  element.dispatchEvent(new CustomEvent(`bulkhead:progress-${what}`, { bubbles: true }));
}

function look() {
  for (const element of document.querySelectorAll('[data-bulkhead-progress]')) {
    if (followed.has(element)) continue;
    followed.add(element);
    follow(element);
  }
}

look();
new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
