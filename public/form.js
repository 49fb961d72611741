// A form's own properties, whatever its fields are called: a field named `action` would stand in the place of `form.action`.
const own = (name) => Object.getOwnPropertyDescriptor(HTMLFormElement.prototype, name).get;

export const controlsOf = (form) => [...own('elements').call(form)];
export const actionOf = (form) => own('action').call(form);
export const submit = (form) => HTMLFormElement.prototype.submit.call(form);
export const isForm = (element) => element instanceof HTMLFormElement;
