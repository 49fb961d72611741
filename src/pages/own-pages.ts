import type { Principal } from '../auth/principal.ts';
import type { PageDefinition } from './define-page.ts';

/** The project's own pages, and who may open them. */
export interface OwnPages {
  readonly list: readonly PageDefinition[];
  isAllowed(page: PageDefinition, principal: Principal): boolean;
  /** Those that stand in the navigation. */
  listedFor(principal: Principal): readonly PageDefinition[];
}

type Log = (message: string, details: Record<string, unknown>) => void;

/** `log` is told of a rule that cannot be read: it allows nothing. */
export function ownPages(list: readonly PageDefinition[], log: Log): OwnPages {
  const isAllowed = ({ options }: PageDefinition, principal: Principal): boolean => {
    const { path, allowed = ({ roles }) => roles.includes('admin') } = options;
    try {
      const answer: unknown = allowed(principal);
      if (typeof answer === 'boolean') return answer;
      log('who may open a page cannot be told', { page: path, error: 'neither true nor false' });
    } catch (error) {
      log('who may open a page cannot be told', { page: path, error });
    }
    return false;
  };
  return Object.freeze({
    list,
    isAllowed,
    listedFor: (principal: Principal) =>
      list.filter(
        (page) =>
          !(page.options.hidden ?? page.options.path.includes('/:')) && isAllowed(page, principal),
      ),
  });
}
