import type { Pool } from 'pg';
import type { Principal } from '../auth/principal.ts';
import type { ResourceField } from '../fields/contract.ts';
import type { Reader } from '../fields/reader.ts';
import type { Metadata, ModelMeta } from '../metadata/contract.ts';
import type { BackendChoice } from '../queue/backend.ts';
import type { Action } from './actions.ts';
import type { Client, Where } from './client.ts';
import type { OperationDefinition } from './define-operation.ts';
import type { Hooks } from './hooks.ts';
import type { FinishLanding, LandedTask, LaunchLanding } from './landing.ts';
import type { BulkSelection, ResourceOptions, WriteThrough } from './options.ts';
import type { WhereSql } from './where-sql.ts';

/** A column of the list. */
export interface Column {
  /** Of a field, a field of a related record (`country.region`), or a computed column. */
  readonly name: string;
  readonly label: string;
  /** Null: computed. Of a path, the related model's field. */
  readonly field: ResourceField | null;
  /** The to-one relation in front of a path. */
  readonly through: ResourceField | null;
  readonly computed: ComputedValue | null;
  readonly align: 'start' | 'end' | null;
}

export interface ComputedValue {
  /** Fields to read. */
  readonly needs: readonly string[];
  value(record: Record<string, unknown>): string | number | bigint | null;
  link(record: Record<string, unknown>): string | null;
}

/** Fields of a form or a page that belong together. */
export interface FieldGroup {
  /** Null: no heading. */
  readonly label: string | null;
  readonly help: string | null;
  readonly fields: readonly ResourceField[];
}

/** A model made administrable: options completed, checked and frozen. */
export interface Resource {
  readonly slug: string;
  readonly label: string;
  readonly singular: string;
  /** Null: it is guessed. */
  readonly icon: string | null;
  /** Heading in the navigation; null: that of the data. */
  readonly group: string | null;
  readonly model: ModelMeta;
  readonly metadata: Metadata;
  readonly titleField: string;
  /** In whose time zone its values are shown and read. */
  readonly reader: Reader;
  /** Every field that may be shown at all, in the order of the schema. */
  readonly fields: readonly ResourceField[];
  /** Fields that no page shows; who may change them gives them a new value in a form. */
  readonly secrets: readonly ResourceField[];
  readonly columns: readonly Column[];
  readonly filters: readonly ResourceField[];
  readonly search: readonly ResourceField[];
  /** Fields of the new and edit pages, the read-only ones among them. */
  readonly form: readonly ResourceField[];
  readonly formGroups: readonly FieldGroup[];
  /** Fields of a record's page. */
  readonly show: readonly ResourceField[];
  readonly showGroups: readonly FieldGroup[];
  readonly bulkFields: readonly ResourceField[];
  /** As in the URL: `country.name,-population`. */
  readonly defaultSort: string;
  /** May its tasks run outside the request at all? */
  readonly hasBackground: boolean;
  /** What runs its tasks there. */
  readonly backend: BackendChoice | undefined;
  readonly parallelism: number;
  readonly chunkSize: number;
  /** Records up to which a list is counted exactly, and its pages are numbered. */
  readonly countLimit: number;
  /** What is not to be under way twice; null: as for every resource. */
  readonly unique: NonNullable<ResourceOptions['bulk']>['unique'] | null;
  /** Why its tasks hold nothing; null: they hold their records. */
  readonly locksOffReason: string | null;
  /** Background tasks too are all or nothing. */
  readonly isAtomic: boolean;
  /** Null: the setting's. */
  readonly stopRatio: number | null;
  /** Null: the setting's. */
  readonly taskLimitMs: number | null;
  /** Is a reason asked for, and above how many records must it be given? */
  readonly reason: { readonly isAsked: boolean; readonly requiredAbove: number | null };
  readonly writeThrough: WriteThrough;
  readonly validate: NonNullable<ResourceOptions['validate']> | null;
  readonly hooks: Hooks;
  /** What is held with its records; null: nothing is. */
  readonly descendants: ResourceOptions['descendants'] | null;
  /** Of the project's own, beside those that every resource has. */
  readonly operations: readonly OperationDefinition[];
  /**
   * Most records, with what is written along, that may run within a request; `runsInBackground` may
   * say fewer.
   */
  maxInline: number;
  runsInBackground(selection: BulkSelection, principal: Principal): boolean;
  permissions(principal: Principal): readonly Action[];
  /** By name of a field or of its column. */
  canSee(principal: Principal, field: string): boolean;
  canChange(principal: Principal, field: string): boolean;
  /**
   * Null: every record. Throws AppError 403 where the project's rule gives no answer that can be
   * used.
   */
  scope(principal: Principal): Where | null;
  /** Of what is launched from it; undefined: the admin's. */
  readonly afterLaunch: (task: LandedTask) => LaunchLanding;
  readonly afterFinish: (task: LandedTask) => FinishLanding;
  /** Who is told of its tasks; left out: as the admin says. */
  readonly notify: ResourceOptions['notify'];
  readonly taskManager: ResourceOptions['taskManager'];
  readonly taskManagerArguments: readonly unknown[];
  /** Tasks about its records, whoever started them. */
  seesTasks(principal: Principal): boolean;
  /**
   * Where records of a related model are administered; null where they are not, or not for this
   * principal.
   */
  related(model: string): Resource | null;
}

export type { ResourceField } from '../fields/contract.ts';

/** Everything a running Bulkhead administers. */
export interface ResourceRegistry {
  readonly list: readonly Resource[];
  /** For requests. */
  readonly pool: Pool;
  /** The project's, over that pool. */
  readonly client: Client;
  /** The project's client over another pool; one each. */
  clientOver(pool: Pool): Client;
  /** A `where` as the SQL that Prisma would run. */
  readonly whereSql: WhereSql;
  /**
   * The resource as nobody in particular sees it, for start-up and the engine's own work; throws
   * 404. Pages use `for`.
   */
  get(slug: string): Resource;
  /**
   * The resource as this principal sees it: without what they may not see or change. Throws 404
   * where they may not list it, 403 where their row scope cannot be read.
   */
  for(principal: Principal, slug: string): Resource;
  /** Every resource that this principal may list, as they see it. */
  listFor(principal: Principal): readonly Resource[];
  /** Title field and resource of a related model, whether or not it has pages. */
  titleFieldOf(model: string): string;
}
