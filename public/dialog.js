// Opens the dialog when something was swapped into it; gives the focus back when it closes.
const dialog = document.getElementById('dialog');
const content = document.getElementById('dialog-content');
let opener = null;
// Whoever held the focus may have been replaced by a refreshed list: then an element of the same id gets it.
const refocus = () => (opener?.isConnected ? opener : document.getElementById(opener?.id ?? ''))?.focus();

if (dialog && content) {
  document.addEventListener('htmx:beforeRequest', (event) => {
    if (event.detail.target === content && !dialog.open) opener = event.detail.elt;
  });
  document.addEventListener('htmx:afterSwap', (event) => {
    if (event.detail.target !== content) return;
    if (content.childElementCount === 0) dialog.close();
    else if (!dialog.open) dialog.showModal();
    content.querySelector('[autofocus], [aria-invalid="true"]')?.focus();
  });
  document.addEventListener('bulkhead:close-dialog', () => dialog.close());
  document.addEventListener('click', (event) => {
    const isBackdrop = event.target === dialog;
    const closer = dialog.contains(event.target) && event.target.closest('[data-dialog-close]');
    if (!dialog.open || !(isBackdrop || closer)) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener('close', () => {
    content.replaceChildren();
    refocus();
    opener = null;
    // The list then looks for tasks that go on without the dialog.
    document.body.dispatchEvent(new CustomEvent('bulkhead:dialog-closed', { bubbles: true }));
  });
}
