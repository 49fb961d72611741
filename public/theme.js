// The theme follows the system until somebody chooses; the choice is a cookie, so that the server sends the right page at once.
const button = document.getElementById('theme');
const root = document.documentElement;

if (button) {
  button.hidden = false;
  button.addEventListener('click', () => {
    const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
    // Back to what the system has is back to following it.
    if (root.dataset.theme && root.dataset.theme !== system) delete root.dataset.theme;
    else root.dataset.theme = system === 'dark' ? 'light' : 'dark';
    const age = root.dataset.theme ? 31536000 : 0;
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store is only there over HTTPS
    document.cookie = `theme=${root.dataset.theme ?? ''}; path=${root.dataset.cookiePath}; max-age=${age}; samesite=lax`;
  });
}
