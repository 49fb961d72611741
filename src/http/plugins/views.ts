import { dirname, join } from 'node:path';
import { Eta, type TemplateFunction } from 'eta';
import plugin from 'fastify-plugin';
import { strictViewData } from '../../fields/strict-view-data.ts';
import { ourFile } from '../../our-files.ts';
import { readViewFolder, type ViewFolder } from '../../view-folder.ts';
import { type OnFailure, withOwnViews } from '../controls/own-views.ts';
import { icon } from '../icons.ts';
import type { SiteUrl } from '../url.ts';

declare module 'fastify' {
  interface FastifyInstance {
    views: Views;
  }
}

export interface Views {
  has(name: string): boolean;
  /** `slug`: of the resource whose page it is, which may have templates of its own. */
  render(name: string, data: object, slug?: string): string;
  /**
   * A template of the project's own: a file, with what it reads. What it throws, and a name that is
   * not there, is thrown.
   */
  renderFile(file: string, data: object): string;
}

export interface ViewOptions {
  url: SiteUrl;
  /** Templates are written meanwhile: each is read when it is rendered. */
  isReloaded: boolean;
  /** Templates of the project's own are looked for here first; null: it has none. */
  folder?: string | null;
}

/** In front of a name: the template of ours, whatever the project has in its place. */
const ours = 'bulkhead/';

/** Templates; each sees its data as `it`, addresses through `URL` and icons through `ICON`. */
export const views = plugin<ViewOptions>(
  async (app, { url, isReloaded, folder = null }) => {
    const plain = Object.assign(
      new Eta({
        views: ourFile('views'),
        autoEscape: true,
        cache: !isReloaded,
        functionHeader: 'const ICON = this.icon, URL = this.url;',
      }),
      { icon, url },
    );
    const tell = (view: string, error: unknown, message: string) =>
      app.log.error({ err: error, view }, message);
    const placed = withPlaces(plain, folder, isReloaded, (view, error) =>
      tell(view, error, 'a template in place of ours failed, so ours is shown'),
    );
    const eta = withOwnViews(placed.eta, (view, error) =>
      tell(view, error, 'a template of a field kind failed, so the usual is shown'),
    );
    const known = new Map<string, boolean>();
    app.decorate('views', {
      has(name) {
        const isKnown = (isReloaded ? undefined : known.get(name)) ?? canRead(eta, name);
        known.set(name, isKnown);
        return isKnown;
      },
      render: (name, data, slug = '') => placed.within(slug, () => eta.render(`/${name}`, data)),
      renderFile: (file, data) =>
        placed.within('', () => placed.renderFile(file, strictViewData(data))),
    });
  },
  { name: 'bulkhead-views' },
);

/**
 * Lets the project's templates stand in place of ours of the same name, and of one resource's alone
 * in a folder of its slug. One that fails is told of, and ours is shown.
 */
function withPlaces(eta: Eta, folder: string | null, isReloaded: boolean, onFailure: OnFailure) {
  const { resolvePath, render } = eta;
  const reported = new Set<string>();
  const compiled = new Map<string, TemplateFunction>();
  let places: ViewFolder = readViewFolder(folder);
  /** Whose page is rendered: that is done without a pause. */
  let slug = '';
  const placeOf = (name: string) => places.get(`${slug}/${name}`) ?? places.get(name);
  const isOfProject = (file: string) => !file.startsWith(ourFile('views'));
  const own: Pick<Eta, 'resolvePath' | 'render'> = {
    resolvePath(template, options) {
      const from = options?.filepath;
      if (from !== undefined && isOfProject(from) && !template.startsWith('/'))
        return join(dirname(from), template.endsWith('.eta') ? template : `${template}.eta`);
      const name = nameOf(template);
      const inPlace = name.startsWith(ours) ? undefined : placeOf(name);
      const plain = name.startsWith(ours) ? name.slice(ours.length) : name;
      return inPlace ?? resolvePath?.call(eta, `/${plain}`, options) ?? plain;
    },
    render(template, data, options) {
      const name = typeof template === 'string' ? nameOf(template) : '';
      const isNamed = typeof template === 'string' && template.startsWith('/');
      const file = isNamed && !name.startsWith(ours) ? placeOf(name) : undefined;
      if (file === undefined || !canRead(eta, `${ours}${name}`))
        return render.call(eta, template, data, options);
      try {
        return render.call(eta, template, data, options);
      } catch (error) {
        const reason = `${file}: ${error instanceof Error ? error.message : String(error)}`;
        if (!reported.has(reason)) onFailure(file, error);
        reported.add(reason);
        return render.call(eta, `/${ours}${name}`, data, options);
      }
    },
  };
  Object.assign(eta, own);
  return {
    eta,
    /** A file of the project's; what fails is thrown. */
    renderFile(file: string, data: object): string {
      const template =
        (isReloaded ? undefined : compiled.get(file)) ??
        eta.compile(eta.readFile?.(file) ?? '', { filepath: file });
      compiled.set(file, template);
      return template.call(eta, data, { filepath: file, async: false });
    },
    within<T>(of: string, work: () => T): T {
      const outer = slug;
      slug = of;
      if (isReloaded) places = readViewFolder(folder);
      try {
        return work();
      } finally {
        slug = outer;
      }
    },
  };
}

function nameOf(template: string): string {
  return template.replace(/^\/+/, '').replace(/\.eta$/, '');
}

function canRead(eta: Eta, name: string): boolean {
  try {
    eta.readFile?.(eta.resolvePath?.(`/${name}`) ?? '');
    return true;
  } catch {
    return false;
  }
}
