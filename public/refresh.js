// What refreshes by itself leaves the reader where they are: focus and scrolling stay with what is still there, and what they
// opened stays open.
window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
  !(name === 'open' && element.localName === 'details');
