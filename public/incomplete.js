// A date of which a part is missing is sent as if it were empty, so browsers refuse to send it: here it is also written beside it why.
function mark(control) {
  const text = control.validity.badInput ? control.dataset.incomplete : control.validationMessage;
  const id = `${control.id}-incomplete`;
  const note = document.getElementById(id) ?? document.createElement('p');
  note.id = id;
  note.className = 'text-sm text-error';
  note.textContent = text;
  if (!note.isConnected) control.after(note);
  control.setAttribute('aria-invalid', 'true');
  const about = (control.getAttribute('aria-describedby') ?? '').split(' ').filter(Boolean);
  if (!about.includes(id)) control.setAttribute('aria-describedby', [...about, id].join(' '));
}

function unmark(control) {
  const id = `${control.id}-incomplete`;
  if (!document.getElementById(id)) return;
  document.getElementById(id).remove();
  control.removeAttribute('aria-invalid');
  const about = (control.getAttribute('aria-describedby') ?? '')
    .split(' ')
    .filter((name) => name !== id && name !== '');
  if (about.length > 0) control.setAttribute('aria-describedby', about.join(' '));
  else control.removeAttribute('aria-describedby');
}

document.addEventListener(
  'invalid',
  ({ target }) => target.dataset.incomplete && mark(target),
  true,
);
document.addEventListener('input', ({ target }) => target.validity?.valid && unmark(target), true);

// What asks for another piece of a form does not send an incomplete date with it either; its own choice is taken back.
document.addEventListener('htmx:validation:halted', ({ detail: { elt, errors } }) => {
  if (elt instanceof HTMLSelectElement)
    elt.value = [...elt.options].find((option) => option.defaultSelected)?.value ?? '';
  errors[0]?.elt.focus();
});

// What is thrown away need not be complete.
document.addEventListener(
  'click',
  ({ target }) => {
    const discarded = target.closest?.('[data-discards]')?.closest('.filter-condition, fieldset');
    for (const control of discarded?.querySelectorAll('[data-incomplete]') ?? [])
      if (control.validity.badInput) control.value = '';
  },
  true,
);
