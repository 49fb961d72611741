// Asks in words before something is lost or ended, in a dialog above whatever is open. Resolves to whether to go on.
import { openModal } from './modal.js';

const box = document.getElementById('ask');
let answer = null;

export const isAsking = () => box?.open ?? false;

export function ask({ question, yes, no }) {
  if (box.open) return Promise.resolve(false);
  box.querySelector('#ask-question').textContent = question;
  box.querySelector('[value="no"]').textContent = no;
  box.querySelector('[value="yes"]').textContent = yes;
  box.returnValue = 'no';
  const before = document.activeElement;
  openModal(box);
  return new Promise((resolve) => {
    answer = (isWanted) => {
      if (!isWanted) before?.focus?.();
      resolve(isWanted);
    };
  });
}

box?.addEventListener('close', () => {
  const tell = answer;
  answer = null;
  tell?.(box.returnValue === 'yes');
});

/** Buttons of a form that say what they are about to do: `data-ask`. */
document.addEventListener('htmx:confirm', (event) => {
  const { elt, issueRequest } = event.detail;
  if (!elt.dataset.ask) return;
  event.preventDefault();
  void ask({ question: elt.dataset.ask, yes: elt.dataset.yes, no: elt.dataset.no }).then(
    (isWanted) => isWanted && issueRequest(true),
  );
});
