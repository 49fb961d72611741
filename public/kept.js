// A form that only shows what was typed needs no second press.
import { submit } from './form.js';

const form = document.querySelector('main form[data-shows]');
if (form) submit(form);
