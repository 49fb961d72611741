// What was chosen before the scripts came, or was put back by the browser, asks for its answer as if it were chosen now.
import { isTyped } from './unsaved.js';

document.addEventListener('DOMContentLoaded', () => {
  for (const asking of document.querySelectorAll('[hx-trigger*="change"]')) {
    const control = [asking, ...(asking.elements ?? [])].find(
      (element) => element.matches('input, select, textarea') && isTyped(element),
    );
    control?.dispatchEvent(new Event('change', { bubbles: true }));
  }
});
