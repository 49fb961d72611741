// The style sheet, and the one script that comes from a package. Plain JavaScript, no dependencies.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { at, files, hash, stamp, stampOf } from './stamps.mjs';

/** What the style sheet is made from: its own rules, and the classes that pages name. */
export const styleSources = ['views', 'src/http'];

/** Makes `public/build`, once per content. Returns what went wrong, else null. */
export function style() {
  mkdirSync(at('public/build'), { recursive: true });
  copyFileSync(at('node_modules/htmx.org/dist/htmx.min.js'), at('public/build/htmx.min.js'));
  const key = hash([
    ...styleSources.flatMap((folder) => files(at(folder))),
    at('package-lock.json'),
  ]);
  if (stampOf('styles') === key && existsSync(at('public/build/styles.css'))) return null;
  const draft = at('public/build', `styles.${process.pid}.css`);
  const args = [
    at('node_modules/@tailwindcss/cli/dist/index.mjs'),
    '-i',
    'views/styles.css',
    '-o',
    draft,
    '--minify',
  ];
  const { status, stderr } = spawnSync(at('node_modules/.bin/node'), args, {
    cwd: at(),
    encoding: 'utf8',
  });
  if (status !== 0) return `The style sheet could not be built:\n${stderr}`;
  // daisyUI looks through the whole page for a box that switches themes, at every change: there is none.
  const css = readFileSync(draft, 'utf8').replace(
    /:root:has\(input\.theme-controller\[value="?\w+"?\]:checked\),?/g,
    '',
  );
  // Whoever reads it meanwhile has the one of before, whole.
  writeFileSync(draft, css);
  renameSync(draft, at('public/build/styles.css'));
  stamp('styles', key);
  return null;
}
