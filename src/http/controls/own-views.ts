import { fileURLToPath } from 'node:url';
import type { Eta } from 'eta';
import { strictViewData } from '../../fields/strict-view-data.ts';

/** Told of a template of the project's own that failed. */
export type OnFailure = (view: string, error: unknown) => void;

/** The address of a template of the project's own. */
export type OwnView = `file:${string}`;

export function ownViewOf({ view }: { view: URL }): OwnView {
  return view.href as OwnView;
}

const isOwn = (name: unknown): name is OwnView =>
  typeof name === 'string' && name.startsWith('file:');

/**
 * Lets templates include those of the project's own, which are named by their addresses. One that
 * fails draws nothing.
 */
export function withOwnViews<E extends Eta>(eta: E, onFailure: OnFailure): E {
  const { resolvePath, render } = eta;
  const reported = new Set<string>();
  const tell = (view: string, error: unknown) => {
    if (!reported.has(view)) onFailure(view, error);
    reported.add(view);
  };
  const own: Pick<Eta, 'resolvePath' | 'render'> = {
    resolvePath: (name, options) =>
      isOwn(name) ? fileURLToPath(name) : (resolvePath?.call(eta, name, options) ?? name),
    render(template, data, options) {
      if (!isOwn(template)) return render.call(eta, template, data, options);
      try {
        const drawn = render.call(eta, template, strictViewData(data), options);
        const { attributes } = data as { attributes?: string };
        if (attributes !== undefined && !drawn.includes(attributes))
          throw new Error('it does not write it.attributes, so what is typed would not be sent');
        return drawn;
      } catch (error) {
        tell(template, error);
        return '';
      }
    },
  };
  return Object.assign(eta, own);
}
