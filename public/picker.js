// A relation's control becomes a combobox that searches on the server: arrows move, Enter takes, Escape closes.
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
import './make.js';

const waitMs = 150;
let number = 0;

function say(picker, text) {
  picker.querySelector('[role=status]').textContent = text;
}

function make(tag, attributes, text = '') {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

const gap = 4;
const tallest = 272;

/** Below its input, or above where there is more room; never beyond what can be seen of the page. */
function place(list, input) {
  const { left, width, top, bottom } = input.getBoundingClientRect();
  const seen = window.visualViewport ?? { height: innerHeight, offsetTop: 0 };
  const below = seen.offsetTop + seen.height - bottom - 2 * gap;
  const above = top - seen.offsetTop - 2 * gap;
  const isBelow = below >= Math.min(tallest, list.scrollHeight) || below >= above;
  const height = Math.max(80, Math.min(tallest, isBelow ? below : above));
  Object.assign(list.style, {
    left: `${left}px`,
    width: `${width}px`,
    maxHeight: `${height}px`,
    top: isBelow ? `${bottom + gap}px` : 'auto',
    bottom: isBelow ? 'auto' : `${innerHeight - top + gap}px`,
  });
}

// Only one is open at a time; it stays at its input.
function followOpen(event) {
  const list = document.querySelector('.picker-list:popover-open');
  if (!list || list.contains(event.target instanceof Node ? event.target : null)) return;
  place(list, list.closest('[data-picker]').querySelector('.picker-row input'));
}

addEventListener('scroll', followOpen, { capture: true, passive: true });
addEventListener('resize', followOpen);
window.visualViewport?.addEventListener('resize', followOpen);

function enhance(picker) {
  const { url, name } = picker.dataset;
  const isMany = 'many' in picker.dataset;
  const input = picker.querySelector('.picker-row input');
  const listId = `picker-list-${++number}`;
  const list = make('ul', {
    role: 'listbox',
    id: listId,
    class: 'picker-list',
    popover: 'manual',
    hidden: '',
  });
  const held = make('input', { type: 'hidden', name });
  // What was typed before this script came is an id, whose title is not known here.
  const isEarly = !isMany && input.value !== input.defaultValue;
  let label = isEarly ? input.value : input.dataset.label;
  let active = null;
  let asked = 0;
  let timer = 0;
  let isOpen = false;

  picker.querySelector('.picker-step')?.remove();
  picker.querySelector('.picker-title')?.remove();
  if (!isMany) {
    held.value = input.value;
    input.before(held);
    input.value = label;
  }
  input.removeAttribute('name');
  input.placeholder = input.dataset.placeholder;
  for (const [key, value] of Object.entries({
    role: 'combobox',
    'aria-autocomplete': 'list',
    'aria-expanded': 'false',
    'aria-controls': listId,
    autocapitalize: 'none',
    spellcheck: 'false',
  }))
    input.setAttribute(key, value);
  list.setAttribute('aria-label', input.placeholder);
  picker.append(list, make('span', { role: 'status', class: 'sr-only' }));
  let isEarlyChoice = isEarly;
  for (const token of picker.querySelectorAll('.picker-token')) {
    const box = token.querySelector('input');
    if (box.checked) addToken(box.value, token.textContent.trim());
    if (box.checked !== box.defaultChecked) isEarlyChoice = true;
    token.remove();
  }
  // By then htmx listens.
  if (isEarlyChoice && document.readyState !== 'complete')
    document.addEventListener('DOMContentLoaded', changed);

  const options = () => [...list.querySelectorAll('[role=option]')];

  function activate(option) {
    active?.setAttribute('aria-selected', 'false');
    active = option ?? null;
    if (!active) return input.removeAttribute('aria-activedescendant');
    active.setAttribute('aria-selected', 'true');
    active.scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', active.id);
  }

  function close() {
    clearTimeout(timer);
    asked++;
    isOpen = false;
    list.hidden = true;
    if (list.matches(':popover-open')) list.hidePopover();
    input.setAttribute('aria-expanded', 'false');
    activate(null);
  }

  async function open(search) {
    const turn = ++asked;
    isOpen = true;
    let text = '';
    try {
      const answer = await fetch(
        `${url}${url.includes('?') ? '&' : '?'}q=${encodeURIComponent(search)}`,
        {
          headers: { 'HX-Request': 'true' },
        },
      );
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      text = await answer.text();
    } catch {
      if (turn === asked) {
        close();
        say(picker, picker.dataset.failed);
      }
      return;
    }
    // Answers may come in another order than the questions went.
    if (turn !== asked) return;
    activate(null);
    list.innerHTML = text;
    if (isMany) for (const option of options()) if (isChosen(option.dataset.value)) option.remove();
    options().forEach((option, index) => {
      option.id = `${listId}-${index}`;
    });
    if (options().length === 0 && !list.querySelector('.picker-note'))
      list.append(make('li', { class: 'picker-note', role: 'presentation' }, picker.dataset.none));
    list.hidden = false;
    if (!list.matches(':popover-open')) list.showPopover();
    place(list, input);
    input.setAttribute('aria-expanded', 'true');
    if (search !== '') activate(options()[0]);
    say(
      picker,
      options().length === 0
        ? picker.dataset.none
        : picker.dataset.results.replace('{n}', options().length),
    );
  }

  const openSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void open(input.value.trim()), waitMs);
  };

  const isChosen = (value) =>
    [...picker.querySelectorAll('.picker-token input')].some((box) => box.value === value);

  function take(option) {
    const text = option.dataset.label;
    if (isMany) {
      addToken(option.dataset.value, text);
      say(picker, picker.dataset.added.replace('{label}', text));
      input.value = '';
    } else {
      held.value = option.dataset.value;
      label = text;
      input.value = text;
    }
    close();
    changed();
  }

  function addToken(value, text) {
    const token = make('li', { class: 'picker-token' });
    const button = make('button', {
      type: 'button',
      class: 'picker-remove',
      'aria-label': picker.dataset.remove.replace('{label}', text),
    });
    button.addEventListener('click', () => remove(token, text));
    token.append(make('input', { type: 'hidden', name, value }), make('span', {}, text), button);
    picker.querySelector('.picker-tokens').append(token);
  }

  function remove(token, text) {
    const next =
      (token.nextElementSibling ?? token.previousElementSibling)?.querySelector('button') ?? input;
    token.remove();
    next.focus();
    say(picker, picker.dataset.removed.replace('{label}', text));
    changed();
  }

  function changed() {
    (isMany ? picker : held).dispatchEvent(new Event('change', { bubbles: true }));
  }

  picker.addEventListener('bulkhead:choose', ({ detail }) => take({ dataset: detail }));
  input.addEventListener('input', () => {
    if (!isMany && input.value.trim() === '') {
      const hadValue = held.value !== '';
      held.value = '';
      label = '';
      if (hadValue) changed();
    }
    openSoon();
  });
  input.addEventListener('change', (event) => event.stopPropagation());
  input.addEventListener('click', () => !isOpen && void open(isMany ? input.value.trim() : ''));
  input.addEventListener('keydown', (event) => {
    const all = options();
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!isOpen) return void open(input.value === label ? '' : input.value.trim());
      const step = event.key === 'ArrowDown' ? 1 : -1;
      const from = active ? all.indexOf(active) : step > 0 ? -1 : 0;
      activate(all[(from + step + all.length) % all.length]);
    } else if (event.key === 'Enter' && isOpen) {
      event.preventDefault();
      if (active) take(active);
      else close();
    } else if (event.key === 'Escape' && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      if (!isMany) input.value = label;
      close();
    } else if (event.key === 'Backspace' && isMany && input.value === '') {
      const last = picker.querySelector('.picker-token:last-child');
      if (last) remove(last, last.textContent.trim());
      input.focus();
    } else if (event.key === 'Tab') close();
  });
  // A press in the list must not take the focus from the control.
  list.addEventListener('mousedown', (event) => event.preventDefault());
  list.addEventListener('click', (event) => {
    const option = event.target.closest('[role=option]');
    if (option) take(option);
  });
  // What was typed and not taken is no choice.
  input.addEventListener('blur', () => {
    close();
    input.value = isMany ? '' : label;
  });
}

function enhanceAll() {
  for (const picker of document.querySelectorAll('[data-picker]:not([data-ready])')) {
    picker.dataset.ready = '';
    enhance(picker);
  }
}

enhanceAll();
document.addEventListener('htmx:load', enhanceAll);
