import { type BrowserAnswer, openBrowser } from '../browse.ts';
import { formTo } from '../html-form.ts';

/** A page that somebody is at. */
export interface SitePage {
  status: number;
  /** Wherever they were led in the end. */
  path: string;
  html: string;
}

/** Somebody with a browser and no JavaScript, who goes where they are led. */
export interface SiteVisitor {
  readonly address: string;
  open(path: string): Promise<SitePage>;
  /** Fills in the form of a page that is sent to such a path, and presses a button. */
  send(page: SitePage, to: RegExp, typed?: Readonly<Record<string, string>>): Promise<SitePage>;
}

export function visitSite(address: string): SiteVisitor {
  const browser = openBrowser(address);
  async function follow(path: string, answer: BrowserAnswer): Promise<SitePage> {
    const { status, text, location } = answer;
    if (status < 300 || status > 399 || !location) return { status, path, html: text };
    const next = pathFrom(path, location);
    return follow(next, await browser.get(next));
  }
  const pathFrom = (path: string, to: string) => {
    const { pathname, search } = new URL(to, `${address}${path}`);
    return `${pathname}${search}`;
  };
  return {
    address,
    open: async (path) => follow(path, await browser.get(path)),
    async send(page, to, typed = {}) {
      const { action, values, controls } = formTo(page.html, to);
      // Buttons outside of it have such names, too.
      const unknown = Object.keys(typed).filter((name) => !/^_/.test(name) && !controls.has(name));
      if (unknown.length > 0) throw new Error(`${action} has no ${unknown.join(', ')}`);
      const path = pathFrom(page.path, action);
      return follow(path, await browser.post(path, { ...values, ...typed }));
    },
  };
}

/** What somebody reads there, for the message of a test that fails. */
export function readable({ status, path, html }: SitePage): string {
  const main = /<main[\s\S]*<\/main>/.exec(html)?.[0] ?? html;
  const text = main
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return `${status} ${path}: ${text}`;
}
