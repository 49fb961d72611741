import { defaults, seal, unseal } from 'iron-webcrypto';
import { z } from 'zod';
import { textsOf } from '../form-texts.ts';
import type { Resource } from '../resources/contract.ts';
import type { TaskContext } from '../tasks/context.ts';
import { secretControls } from '../tasks/launching/secret-controls.ts';
import type { Body } from './form.ts';
import type { KeptForm } from './kept-form.ts';

/** A secret that was typed and not saved travels on unseen: sealed, for who typed it. */
export interface Sealing {
  secret: string;
  principalId: string;
}

type Pair = { readonly name: string; readonly value: string };

/** For so long it can be saved after all. */
const maxAgeMs = 60 * 60_000;
const shape = z.object({ principalId: z.string(), name: z.string(), value: z.string() });

export function sealedName(name: string): string {
  return `_sealed.${name}`;
}

export function sealSecret(
  { secret, principalId }: Sealing,
  name: string,
  value: string,
): Promise<string> {
  return seal({ principalId, name, value }, secret, { ...defaults, ttl: maxAgeMs });
}

/** Pairs of a form as a page may hold them. */
export async function sealSecrets<P extends Pair>(
  sealing: Sealing,
  { secrets }: Pick<Resource, 'secrets'>,
  pairs: readonly P[],
): Promise<P[]> {
  const names = new Set(secrets.map(({ name }) => name));
  const typed = new Set(
    pairs
      .filter(({ name, value }) => names.has(name) && value !== '')
      .map(({ name }) => sealedName(name)),
  );
  const kept = pairs.filter(
    ({ name, value }) => !(names.has(name) && value === '') && !typed.has(name),
  );
  return Promise.all(
    kept.map(async (pair) =>
      names.has(pair.name)
        ? {
            ...pair,
            name: sealedName(pair.name),
            value: await sealSecret(sealing, pair.name, pair.value),
          }
        : pair,
    ),
  );
}

/**
 * The form with its sealed secrets as they were typed; what is typed anew is nearer. What was
 * altered, is too old or another's is nothing.
 */
export async function openSecrets(
  sealing: Sealing,
  { secrets }: Pick<Resource, 'secrets'>,
  body: Body,
): Promise<Body> {
  const opened: Record<string, unknown> = { ...body };
  for (const { name } of secrets) {
    const sealed = textsOf(body[sealedName(name)]).at(-1) ?? '';
    if (sealed === '' || textsOf(body[name]).some((text) => text !== '')) continue;
    const value = await openSecret(sealing, name, sealed);
    if (value !== null) opened[name] = value;
  }
  return opened;
}

async function openSecret(
  { secret, principalId }: Sealing,
  name: string,
  sealed: string,
): Promise<string | null> {
  try {
    const found = shape.parse(await unseal(sealed, secret, { ...defaults, ttl: maxAgeMs }));
    return found.principalId === principalId && found.name === name ? found.value : null;
  } catch {
    return null;
  }
}

/**
 * A form that is given back to its owner; without one what is secret in it is left out, and so it is
 * from the form of a task's button, and a password from those of people.
 */
export async function withSealedSecrets(
  form: KeptForm,
  { registry, definitions }: Pick<TaskContext, 'registry' | 'definitions'>,
  prefix: string,
  sealing: Sealing | null,
): Promise<KeptForm> {
  const [slug = '', page = '', name = ''] = new URL(form.action, 'http://site.invalid').pathname
    .slice(prefix.length + 1)
    .split('/')
    .map(decodeURIComponent);
  if (slug === 'tasks' && page === 'people')
    return { ...form, pairs: form.pairs.filter(([control]) => control !== 'password') };
  const definition = slug === 'tasks' && page === 'new' ? definitions.get(name) : undefined;
  if (definition) {
    const left = secretControls(definition);
    return { ...form, pairs: form.pairs.filter(([control]) => !left.includes(control)) };
  }
  const resource = registry.list.find((candidate) => candidate.slug === slug);
  if (!resource || resource.secrets.length === 0) return form;
  const pairs = form.pairs.map(([control, value]) => ({ name: control, value }));
  const names = resource.secrets.map((field) => field.name);
  const kept = sealing
    ? await sealSecrets(sealing, resource, pairs)
    : pairs.filter((pair) => !names.includes(pair.name));
  return { ...form, pairs: kept.map((pair) => [pair.name, pair.value] as const) };
}
