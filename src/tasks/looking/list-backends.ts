import { autoName, type BackendAbilities, inlineName, queueName } from '../../queue/backend.ts';
import type { TaskContext } from '../context.ts';
import { isAliveSql } from '../liveness.ts';

/** A backend that tasks may have. */
export interface BackendInfo {
  readonly name: string;
  readonly can: BackendAbilities;
  /** Is a worker alive that runs its tasks? Of `inline`: always. */
  readonly isAvailable: boolean;
  /** Does the admin choose it, where no resource and no task says otherwise? */
  readonly isChosen: boolean;
}

/** The backends of an admin; none is chosen where a function chooses. */
export async function listBackends({
  db: { pages, t },
  backends,
  settings,
}: Pick<TaskContext, 'db' | 'backends' | 'settings'>): Promise<BackendInfo[]> {
  const { rows } = await pages.query<{ name: string }>(
    `select distinct unnest(backends) as name from ${t.worker} worker where ${isAliveSql}`,
  );
  const alive = new Set(rows.map(({ name }) => name));
  const said = settings.backend === autoName ? queueName : settings.backend;
  const chosen = settings.background ? said : inlineName;
  return backends.names.map((name) => ({
    name,
    can: backends.can(name) as BackendAbilities,
    isAvailable: name === inlineName || alive.has(name),
    isChosen: name === chosen,
  }));
}
