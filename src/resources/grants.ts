import { Decimal } from '@prisma/client/runtime/client';
import type { Principal } from '../auth/principal.ts';
import { isSystem } from '../auth/system-principal.ts';
import { AppError } from '../errors.ts';
import { nullOfPrisma } from '../fields/null-of-prisma.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { type Action, actions } from './actions.ts';
import type { Where } from './client.ts';
import type { ResourceOptions } from './options.ts';
import { seesEveryRow } from './permissions.ts';
import { isPossible } from './possible-actions.ts';

/** Told when a rule of the project's could not be read, so that somebody mends it. */
export type OnUnreadable = (message: string, details: Record<string, unknown>) => void;

/**
 * What a project's rules grant. Whatever is thrown, or is not plainly an answer, grants nothing and
 * is told. The rules are not asked of the system, which may do what can be done at all.
 */
export interface Grants {
  actions(principal: Principal): readonly Action[];
  canSee(principal: Principal, field: string): boolean;
  canChange(principal: Principal, field: string): boolean;
  /** Null: every record. Throws AppError 403 `scope-unreadable`. */
  scope(principal: Principal): Where | null;
  seesTasks(principal: Principal): boolean;
}

type Rules = Required<Pick<ResourceOptions, 'permissions'>> &
  Pick<ResourceOptions, 'fields' | 'scope' | 'tasks'>;

/** The one place where the answers of `permissions`, `fields` and `scope` are read. */
export function grantsOf(
  { permissions, fields, scope, tasks }: Rules,
  {
    label,
    model,
    onUnreadable,
  }: {
    label: string;
    model: ModelMeta;
    onUnreadable: OnUnreadable;
  },
): Grants {
  const tell = (rule: string, why: unknown) =>
    onUnreadable(`${label}: the answer of ${rule} cannot be used, so it grants nothing`, {
      resource: label,
      rule,
      why: why instanceof Error ? why.message : String(why),
    });

  const grants: Grants = Object.freeze({
    actions(principal: Principal) {
      if (isSystem(principal)) return actions.filter((action) => isPossible(model, action));
      try {
        const granted: unknown = permissions(principal);
        if (Array.isArray(granted))
          return actions.filter((action) => granted.includes(action) && isPossible(model, action));
        tell('permissions', 'it is not a list of actions');
      } catch (error) {
        tell('permissions', error);
      }
      return [];
    },
    canSee: (principal: Principal, field: string) => isGranted('see', principal, field),
    canChange: (principal: Principal, field: string) =>
      isGranted('see', principal, field) && isGranted('change', principal, field),
    scope(principal: Principal) {
      if (!scope || isSystem(principal)) return null;
      try {
        const where: unknown = scope(principal);
        const wrong = whyNotScope(where, model);
        if (!wrong) return Object.keys(where as Where).length === 0 ? null : (where as Where);
        tell('scope', wrong);
      } catch (error) {
        tell('scope', error);
      }
      throw new AppError(
        'scope-unreadable',
        403,
        `Which ${label.toLowerCase()} are yours to see cannot be worked out, so none are shown. Tell whoever looks after this site.`,
      );
    },
    seesTasks(principal: Principal) {
      if (isSystem(principal)) return true;
      if (!grants.actions(principal).includes('list')) return false;
      if (!tasks) return principal.roles.includes('admin') && seesEveryRow(grants, principal);
      try {
        const answer: unknown = tasks(principal);
        if (typeof answer === 'boolean') return answer;
        tell('tasks', 'it is neither true nor false');
      } catch (error) {
        tell('tasks', error);
      }
      return false;
    },
  });
  return grants;

  function isGranted(rule: 'see' | 'change', principal: Principal, field: string): boolean {
    if (fields && Object.hasOwn(fields, field) && fields[field]?.hidden) return false;
    const ask = fields && Object.hasOwn(fields, field) ? fields[field]?.[rule] : undefined;
    if (!ask || isSystem(principal)) return true;
    try {
      const answer: unknown = ask(principal);
      if (typeof answer === 'boolean') return answer;
      tell(`fields.${field}.${rule}`, 'it is neither true nor false');
    } catch (error) {
      tell(`fields.${field}.${rule}`, error);
    }
    return false;
  }
}

// Each of these has opened a table: Prisma reads them as "every record", or not at all.
function whyNotScope(where: unknown, model: ModelMeta): string | null {
  if (where === undefined || where === null) return `it is ${where}; say {} for every record`;
  if (Array.isArray(where)) return 'it is a list';
  if (typeof where !== 'object') return `it is a ${typeof where}`;
  if (typeof (where as { then?: unknown }).then === 'function')
    return 'it is a promise; a scope is worked out at once';
  return whyNotWhere(where, model, 'it', 0);
}

const maxDepth = 20;

function whyNotWhere(where: unknown, model: ModelMeta, at: string, depth: number): string | null {
  if (!isPlain(where)) return `${at} is not a plain object`;
  if (depth > maxDepth) return 'it is nested too deeply';
  for (const [key, value] of Object.entries(where)) {
    const here = at === 'it' ? key : `${at}.${key}`;
    if (key === 'AND' || key === 'OR' || key === 'NOT') {
      const parts = Array.isArray(value) ? value : [value];
      if (parts.length === 0 && key !== 'OR')
        return `${here} is empty, which would mean every record`;
      for (const part of parts) {
        const wrong = whyNotWhere(part, model, here, depth + 1);
        if (wrong) return wrong;
      }
      continue;
    }
    const field = model.fields[key];
    if (!field && key !== model.compositeIdName) return `${model.name} has no field "${key}"`;
    if (field && field.kind !== 'relation' && isPlain(value) && Object.keys(value).length === 0) {
      return `${here} is empty, which would mean every record`;
    }
    const wrong = whyNotValue(value, here, depth + 1);
    if (wrong) return wrong;
  }
  return null;
}

function whyNotValue(value: unknown, at: string, depth: number): string | null {
  if (value === undefined) return `${at} is undefined, which would mean every record`;
  if (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    typeof value === 'bigint'
  )
    return null;
  if (typeof value === 'number') return Number.isFinite(value) ? null : `${at} is ${value}`;
  if (typeof value !== 'object') return `${at} is a ${typeof value}`;
  if (depth > maxDepth) return 'it is nested too deeply';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? `${at} is no date` : null;
  if (value instanceof Uint8Array || Decimal.isDecimal(value) || nullOfPrisma(value) !== null)
    return null;
  if (!Array.isArray(value) && !isPlain(value)) return `${at} is not a plain value`;
  for (const [key, part] of Object.entries(value)) {
    const isEmpty = Array.isArray(part) && part.length === 0;
    if (isEmpty && ['AND', 'NOT', 'notIn', 'hasEvery'].includes(key))
      return `${at}.${key} is empty, which would mean every record`;
    const wrong = whyNotValue(part, Array.isArray(value) ? at : `${at}.${key}`, depth + 1);
    if (wrong) return wrong;
  }
  return null;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
