// “New tag…” at a control of related records opens a form in another tab. What is made there is chosen here, and nothing typed is left.
const waiting = new Map();

// The address carries which control asks: the same page may ask for several, and several pages at once.
document.addEventListener(
  'click',
  (event) => {
    const link = event.target.closest?.('a[data-make]');
    if (!link) return;
    const token = [...crypto.getRandomValues(new Uint8Array(12))]
      .map((byte) => byte.toString(36))
      .join('');
    waiting.set(token, link.dataset.make);
    const address = new URL(link.href);
    address.searchParams.set('_for', token);
    link.href = address.pathname + address.search;
  },
  true,
);

new BroadcastChannel('bulkhead').addEventListener('message', ({ data: { token, id } }) => {
  const link = waiting.has(token)
    ? document.querySelector(`a[data-make="${CSS.escape(waiting.get(token))}"]`)
    : null;
  if (!link) return;
  waiting.delete(token);
  void choose(link, id);
});

/** The server says what the control holds for the record, and its title; it may not be this reader's to see. */
async function choose({ dataset }, id) {
  const answer = await fetch(`${dataset.options}?made=${encodeURIComponent(id)}`, {
    headers: { 'HX-Request': 'true' },
  });
  if (!answer.ok || answer.redirected) return;
  const option = new DOMParser()
    .parseFromString(await answer.text(), 'text/html')
    .querySelector('[role=option]');
  const control = document.getElementById(dataset.make);
  if (!option || !control) return;
  const { value, label } = option.dataset;
  const picker = control.closest('[data-picker]');
  if (picker)
    picker.dispatchEvent(new CustomEvent('bulkhead:choose', { detail: { value, label } }));
  else if (control instanceof HTMLSelectElement)
    control.append(new Option(label, value, false, true));
  else addBox(control, value, label);
  (picker ?? control).dispatchEvent(new Event('change', { bubbles: true }));
}

function addBox(group, value, text) {
  const box = Object.assign(document.createElement('input'), {
    type: 'checkbox',
    className: 'checkbox checkbox-xs rounded-sm',
    name: group.previousElementSibling.name,
    value,
    checked: true,
  });
  const label = document.createElement('label');
  label.className = 'flex cursor-pointer items-center gap-2 text-sm';
  label.append(box, text);
  if (!group.querySelector('label')) group.replaceChildren();
  group.append(label);
}
