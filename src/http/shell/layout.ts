import type { FastifyReply } from 'fastify';
import type { AdminDefinition } from '../../admin-definition.ts';
import type { Principal } from '../../auth/principal.ts';
import { mayKeepUsers } from '../../auth/users.ts';
import { readerOf } from '../../fields/reader.ts';
import type { OwnPages } from '../../pages/own-pages.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import { operates } from '../../tasks/who-sees.ts';
import { csrfToken } from '../csrf-token.ts';
import type { Flash } from '../flash.ts';
import { ids } from '../ids.ts';
import type { CommonData } from '../pages.ts';
import type { SiteUrl } from '../url.ts';
import { type BellData, bellData } from './bell.ts';
import { type NavPlace, placesFor } from './places.ts';
import { shellTexts } from './shell-texts.ts';

export interface NavItem {
  label: string;
  href: string;
  icon: string;
  isCurrent: boolean;
}

/** What stands in the navigation under one heading. */
export interface NavGroup {
  label: string;
  items: readonly NavItem[];
}

/** What stands around every page. */
export interface LayoutData extends CommonData {
  title: string;
  name: string;
  body: string;
  /** Null: whatever the system prefers. */
  theme: 'light' | 'dark' | null;
  /** Null: nobody is signed in. */
  user: { name: string; initials: string; roles: string; signOutUrl: string | null } | null;
  /** To what the person did. */
  activityUrl: string;
  home: NavItem;
  /** Resources, and pages of the project's own, by their headings. */
  groups: readonly NavGroup[];
  work: readonly NavItem[];
  /** Null: nobody is told by messages. */
  bell: BellData | null;
  flash: Flash | null;
  credits: readonly string[];
  htmxConfig: string;
  /** Value of `hx-headers`: the token, on every request htmx sends. */
  headers: string;
  ids: typeof ids;
  words: typeof shellTexts;
  /** Islands of this page alone, files in `public/`. */
  scripts: readonly string[];
}

// No eval and no style elements, for the content security policy; answers with these statuses are
// meant to be seen.
const htmxConfig = JSON.stringify({
  includeIndicatorStyles: false,
  allowEval: false,
  selfRequestsOnly: true,
  // Without `style`: carrying that attribute over is an inline style to the policy.
  attributesToSettle: ['class', 'width', 'height'],
  // What was swapped in works at once: pressed before it settles, a form would be sent by the
  // browser, and leave the page.
  defaultSettleDelay: 0,
  historyCacheSize: 0,
  refreshOnHistoryMiss: true,
  responseHandling: [
    { code: '204', swap: false },
    { code: '[23]..', swap: true },
    { code: '401|409|422|423', swap: true, error: false },
    { code: '[45]..', swap: false, error: true },
  ],
});

export interface LayoutParts {
  admin: AdminDefinition;
  registry: ResourceRegistry;
  pages: OwnPages;
  url: SiteUrl;
  body: string;
  title: string;
  scripts: readonly string[];
}

export function layoutData(
  reply: FastifyReply,
  { admin, registry, pages, url, body, title, scripts }: LayoutParts,
): LayoutData {
  const { request } = reply;
  const user = request.principal ?? null;
  const path = (request.url.split('?')[0] ?? '').slice(url.prefix.length) || '/';
  const item: NavItemOf = (label, to, icon, { except = [], besides = [] } = {}) => ({
    label,
    href: url(to),
    icon,
    isCurrent:
      to === '/'
        ? path === '/'
        : [to, ...besides].some((one) => isWithin(path, one)) &&
          !except.some((one) => isWithin(path, one)),
  });
  const csrf = user ? csrfToken(reply) : '';
  const theme = request.cookies?.theme;
  return {
    title: title === '' || title === admin.name ? admin.name : `${title} · ${admin.name}`,
    name: admin.name,
    body,
    theme: theme === 'light' || theme === 'dark' ? theme : null,
    user: user && {
      name: user.name,
      initials: initialsOf(user.name),
      roles: user.roles.join(', '),
      signOutUrl: admin.people ? null : url('/sign-out'),
    },
    activityUrl: url('/tasks/activity'),
    home: item(shellTexts.home, '/', 'layout-grid'),
    groups: user ? groupsOf(placesFor(user, registry, pages), item) : [],
    work: user ? workOf(admin, registry, user, item) : [],
    bell: user && request.unseen ? bellData(request.unseen, url) : null,
    flash: reply.takeFlash(),
    credits: admin.credits ?? [],
    htmxConfig,
    headers: JSON.stringify({ 'x-csrf-token': csrf }),
    csrf,
    zone: readerOf(user ?? {}).timeZone,
    ids,
    words: shellTexts,
    scripts,
  };
}

/** `except`: pages within it that have items of their own; `besides`: those elsewhere that are its. */
type NavItemOf = (
  label: string,
  to: string,
  icon: string,
  pages?: { except?: readonly string[]; besides?: readonly string[] },
) => NavItem;

function isWithin(path: string, to: string): boolean {
  return path === to || path.startsWith(`${to}/`);
}

function groupsOf(places: readonly NavPlace[], item: NavItemOf): NavGroup[] {
  const groups = Map.groupBy(places, ({ group }) => group ?? shellTexts.data);
  const plain = groups.get(shellTexts.data);
  const ordered = [
    ...(plain ? [[shellTexts.data, plain] as const] : []),
    ...[...groups].filter(([label]) => label !== shellTexts.data),
  ];
  return ordered.map(([label, members]) => ({
    label,
    items: members.map((place) => item(place.label, place.path, place.icon)),
  }));
}

function workOf(
  { people }: Pick<AdminDefinition, 'people'>,
  registry: ResourceRegistry,
  user: Principal,
  item: NavItemOf,
): NavItem[] {
  const controls = ['/tasks/queues', '/tasks/workers'];
  return [
    item(shellTexts.tasks, '/tasks', 'list-checks', {
      except: ['/tasks/overview', '/tasks/activity', '/tasks/people', '/tasks/audit', ...controls],
    }),
    item(shellTexts.overview, '/tasks/overview', 'gauge', { besides: controls }),
    ...(!people && mayKeepUsers(user) ? [item(shellTexts.people, '/tasks/people', 'users')] : []),
    ...(operates({ registry }, user)
      ? [item(shellTexts.audit, '/tasks/audit', 'scroll-text')]
      : []),
  ];
}

function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== '');
  return [words[0], words.length > 1 ? words.at(-1) : '']
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toUpperCase();
}
