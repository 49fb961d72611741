// The theme follows the system until somebody chooses; the choice is a cookie, so that the server sends the right page at once.
const button = document.getElementById('theme');
const root = document.documentElement;

if (button) {
  button.hidden = false;
  button.addEventListener('click', () => {
    const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = isDark ? 'light' : 'dark';
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store is only there over HTTPS
    document.cookie = `theme=${root.dataset.theme}; path=${root.dataset.cookiePath}; max-age=31536000; samesite=lax`;
  });
}
