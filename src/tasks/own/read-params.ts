import type { StandardSchemaV1 } from '@standard-schema/spec';
import { AppError } from '../../errors.ts';
import type { Params, TaskDefinition } from '../../task-definitions/define-task.ts';
import { hider } from './mask.ts';

/**
 * What the definition's validator makes of parameters, those of a version before migrated first.
 * Throws AppError 'invalid-params' (422).
 */
export async function readParams<S extends StandardSchemaV1, R>(
  { options }: TaskDefinition<S, R>,
  given: unknown,
  version = options.version ?? 1,
): Promise<Params<S>> {
  const hide = hider(options.secret, given);
  const read = await options.params['~standard'].validate(await migrated(options, given, version));
  if (!read.issues) return read.value as Params<S>;
  throw invalidParams(
    Object.fromEntries(
      read.issues.map(({ path = [], message }) => [
        path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.') ||
          'params',
        hide(message),
      ]),
    ),
  );
}

async function migrated(
  {
    version = 1,
    migrate,
    secret,
  }: Pick<TaskDefinition['options'], 'version' | 'migrate' | 'secret'>,
  given: unknown,
  from: number,
): Promise<unknown> {
  if (from >= version || !migrate) return given;
  try {
    return await migrate(given, from);
  } catch (error) {
    const why = hider(secret, given)(String(error));
    throw invalidParams({ params: `cannot be migrated from version ${from}: ${why}` });
  }
}

export function invalidParams(fieldErrors: Record<string, string>): AppError {
  const [first] = Object.entries(fieldErrors);
  const message = first ? `${first[0]}: ${first[1]}` : 'These parameters cannot be used.';
  return new AppError('invalid-params', 422, message, { fieldErrors });
}
