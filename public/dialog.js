// Opens the dialog when something was swapped into it; gives the focus back when it closes.
import { openModal } from './modal.js';
import { mayDiscard } from './unsaved.js';

const dialog = document.getElementById('dialog');
const content = document.getElementById('dialog-content');
let opener = null;
// Whoever held the focus may have been replaced by a refreshed list: then an element of the same id gets it.
const refocus = () =>
  (opener?.isConnected ? opener : document.getElementById(opener?.id ?? ''))?.focus();

if (dialog && content) {
  document.addEventListener('htmx:beforeRequest', (event) => {
    if (event.detail.target === content && !dialog.open) opener = event.detail.elt;
  });
  document.addEventListener('htmx:afterSwap', (event) => {
    if (event.detail.target !== content) return;
    if (content.childElementCount === 0) dialog.close();
    else if (!dialog.open) openModal(dialog);
    content.querySelector('[autofocus], [aria-invalid="true"]')?.focus();
  });
  document.addEventListener('bulkhead:close-dialog', () => dialog.close());
  const closeIfMeant = () => void mayDiscard(content).then((isMeant) => isMeant && dialog.close());
  // Text that is marked with the mouse may end beside the dialog: only what also began there is a click beside it.
  let pressed = null;
  document.addEventListener('pointerdown', ({ target }) => {
    pressed = target;
  });
  document.addEventListener('click', (event) => {
    if (!dialog.open) return;
    const isBackdrop = event.target === dialog && pressed === dialog;
    const closer = dialog.contains(event.target)
      ? event.target.closest('[data-dialog-close]')
      : null;
    if (!isBackdrop && !closer) return;
    event.preventDefault();
    if (closer?.closest('form')) dialog.close();
    else closeIfMeant();
  });
  // A second Escape closes a dialog whatever `cancel` says, so it is caught as a key; `cancel` is the way back of a phone.
  dialog.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    event.preventDefault();
    closeIfMeant();
  });
  dialog.addEventListener('cancel', (event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    closeIfMeant();
  });
  dialog.addEventListener('close', () => {
    content.replaceChildren();
    refocus();
    opener = null;
    // The list then looks for tasks that go on without the dialog.
    document.body.dispatchEvent(new CustomEvent('bulkhead:dialog-closed', { bubbles: true }));
  });
}
