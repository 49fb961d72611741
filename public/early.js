// What was chosen before the scripts came, or was put back by the browser, asks for its answer as if it were chosen now.
import { controlsOf, isForm } from './form.js';
import { isTyped } from './unsaved.js';

document.addEventListener('DOMContentLoaded', () => {
  for (const asking of document.querySelectorAll('[hx-trigger*="change"]')) {
    const control = (isForm(asking) ? controlsOf(asking) : [asking]).find(
      (element) => element.matches('input, select, textarea') && isTyped(element),
    );
    control?.dispatchEvent(new Event('change', { bubbles: true }));
  }
});
