// What was typed into a form and not sent is not left without a question: not by a link, nor by the dialog that it stands in.
import { ask } from './ask.js';
import { controlsOf } from './form.js';

const forms = () => [...document.querySelectorAll('form[data-keeps]')];
const shown = new WeakMap();
let isLeaving = false;

// The browser restores what was typed before it fires `pageshow`; what a form shows then is not what its page came with.
export const isTyped = (control) =>
  control.matches('[type=checkbox], [type=radio]')
    ? control.checked !== control.defaultChecked
    : control instanceof HTMLSelectElement
      ? control.selectedIndex !== firstIndex(control)
      : control.type !== 'hidden' && control.value !== control.defaultValue;

const firstIndex = ({ options }) =>
  Math.max(
    0,
    [...options].findIndex((option) => option.defaultSelected),
  );

const sent = (form) =>
  [...new FormData(form)]
    .filter(([name]) => !name.startsWith('_'))
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('\n');

function look() {
  for (const form of forms()) if (!shown.has(form)) shown.set(form, sent(form));
}

/** A form that came back with what was typed was never saved, whatever it shows. */
function isUnsaved(form) {
  if ('unsaved' in form.dataset) return true;
  if (shown.has(form) && shown.get(form) !== sent(form)) return true;
  return controlsOf(form).some(
    (control) =>
      control.willValidate &&
      (control.validity.badInput || (control.name !== '' && isTyped(control))),
  );
}

export const unsavedIn = (place) =>
  forms().find((form) => place.contains(form) && isUnsaved(form)) ?? null;

export async function mayDiscard(place) {
  const form = unsavedIn(place);
  if (!form) return true;
  const { question, yes, no } = document.getElementById('ask').dataset;
  return ask({ question, yes, no });
}

document.addEventListener('submit', (event) => {
  isLeaving = !event.defaultPrevented && forms().includes(event.target);
});
// The preview of what was sent from the dialog has a page of its own, and Back leads to the form as it was sent. One that was not taken, since nobody is signed in any
// more, leads nowhere by itself: what is typed stays, and somebody who signs in beside it can send it again.
document.addEventListener('htmx:beforeOnLoad', (event) => {
  const { xhr } = event.detail;
  if (!xhr.getResponseHeader('HX-Redirect')) return;
  if (xhr.status !== 401) {
    isLeaving = true;
    const back = xhr.getResponseHeader('HX-Replace-Url');
    if (back) history.replaceState(history.state, '', back);
  } else if (unsavedIn(document.body)) {
    event.preventDefault();
    const detail = { level: 'error', message: document.getElementById('ask').dataset.signedOut };
    document.body.dispatchEvent(new CustomEvent('bulkhead:toast', { bubbles: true, detail }));
  }
});
window.addEventListener('pageshow', () => {
  isLeaving = false;
});
window.addEventListener('beforeunload', (event) => {
  if (!isLeaving && unsavedIn(document.body)) event.preventDefault();
});

// A form's own way out needs no question: whoever takes it means it.
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href]');
  if (
    !link ||
    event.defaultPrevented ||
    event.button !== 0 ||
    event.ctrlKey ||
    event.metaKey ||
    event.shiftKey ||
    link.target === '_blank'
  )
    return;
  if (
    link.getAttribute('href').startsWith('#') ||
    link.hasAttribute('download') ||
    link.hasAttribute('hx-get')
  )
    return;
  if (link.closest('dialog[open]') && link.matches('[data-dialog-close]')) return;
  if (link.closest('form[data-keeps]') && link.matches('[data-gives-up], [data-dialog-close]')) {
    isLeaving = true;
    return;
  }
  if (!unsavedIn(document.body)) return;
  event.preventDefault();
  void mayDiscard(document.body).then((isWanted) => {
    if (!isWanted) return;
    isLeaving = true;
    location.assign(link.href);
  });
});

document.addEventListener('htmx:afterSettle', look);
look();
