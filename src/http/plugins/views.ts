import { Eta } from 'eta';
import plugin from 'fastify-plugin';
import { ourFile } from '../../our-files.ts';
import { withOwnViews } from '../controls/own-views.ts';
import { icon } from '../icons.ts';
import type { SiteUrl } from '../url.ts';

declare module 'fastify' {
  interface FastifyInstance {
    views: Views;
  }
}

export interface Views {
  has(name: string): boolean;
  render(name: string, data: object): string;
}

export interface ViewOptions {
  url: SiteUrl;
  /** Templates are written meanwhile: each is read when it is rendered. */
  isReloaded: boolean;
}

/** Templates; each sees its data as `it`, addresses through `URL` and icons through `ICON`. */
export const views = plugin<ViewOptions>(
  async (app, { url, isReloaded }) => {
    const plain = Object.assign(
      new Eta({
        views: ourFile('views'),
        autoEscape: true,
        cache: !isReloaded,
        functionHeader: 'const ICON = this.icon, URL = this.url;',
      }),
      { icon, url },
    );
    const eta = withOwnViews(plain, (view, error) =>
      app.log.error(
        { err: error, view },
        'a template of a field kind failed, so the usual is shown',
      ),
    );
    const known = new Map<string, boolean>();
    app.decorate('views', {
      has(name) {
        const isKnown = (isReloaded ? undefined : known.get(name)) ?? canRead(eta, name);
        known.set(name, isKnown);
        return isKnown;
      },
      render: (name, data) => eta.render(`/${name}`, data),
    });
  },
  { name: 'bulkhead-views' },
);

function canRead(eta: Eta, name: string): boolean {
  try {
    eta.readFile?.(eta.resolvePath?.(`/${name}`) ?? '');
    return true;
  } catch {
    return false;
  }
}
