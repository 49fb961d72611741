// The page behind an open dialog does not scroll. A class says so: a rule that looks for open dialogs itself would be asked again
// at every change of the page.
const root = document.documentElement;

export function openModal(dialog) {
  root.classList.add('has-dialog');
  dialog.showModal();
}

document.addEventListener(
  'close',
  () => root.classList.toggle('has-dialog', document.querySelector('dialog[open]') !== null),
  true,
);
