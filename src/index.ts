/** What a project that uses Bulkhead imports. Nothing else is its business. */
export {
  type AdminDefinition,
  defineAdmin,
  definePlugin,
  type Plugin,
} from './admin-definition.ts';
export type { AdminSettings } from './admin-settings.ts';
export type { People, PeopleAtHand, SeenTask } from './auth/people.ts';
export type { Principal } from './auth/principal.ts';
export { systemPrincipal } from './auth/system-principal.ts';
export {
  type BackendPart,
  type BackendSuiteOptions,
  backendSuite,
} from './backend-suite.ts';
export type { Channel, Dispatch, Notice } from './channels/contract.ts';
export { defineCallback, defineChannel } from './channels/define-channel.ts';
export { createTaskManager, type TaskManagerOptions } from './create-task-manager.ts';
export { createTestTasks, type TestTasks } from './create-test-tasks.ts';
export { AppError } from './errors.ts';
export type {
  Cell,
  FieldKind,
  FilterContext,
  FilterOperator,
  InputKind,
  KindView,
  OperatorInput,
  Parsed,
  ResourceField,
  ShownCell,
  ShownControl,
} from './fields/contract.ts';
export { kinds } from './fields/kinds.ts';
export type { Reader } from './fields/reader.ts';
export type { CommonData, Pages } from './http/pages.ts';
export type { LogIds } from './log/ids.ts';
export type { Around, ErrorPlace, ReportError, Span } from './log/watching.ts';
export type { Metadata } from './metadata/contract.ts';
export { type Bulkhead, bulkhead } from './mount/bulkhead.ts';
export type { Handler, HandlerOptions } from './mount/handler.ts';
export type { MountOptions } from './mount/options.ts';
export type { Mounts } from './mounts.ts';
export type { Notify, NotifyRecipient, NotifyRule } from './notify.ts';
export {
  definePage,
  type PageAnswer,
  type PageContext,
  type PageDefinition,
  type PageOptions,
  type SubmitContext,
} from './pages/define-page.ts';
export type {
  AskedBackend,
  Backend,
  BackendAbilities,
  BackendCall,
  BackendChoice,
  BackendStart,
  StartedBackend,
} from './queue/backend.ts';
export type { Action } from './resources/actions.ts';
export type { Client, ClientParts, PrismaClientLike, Where } from './resources/client.ts';
export { defineOperation, type OperationDefinition } from './resources/define-operation.ts';
export {
  defineResource,
  type ResourceDefinition,
  type TypedResourceOptions,
} from './resources/define-resource.ts';
export { defineEveryResource } from './resources/every-model.ts';
export {
  type FormInput,
  type FormInputs,
  type FormValues,
  type InputOptions,
  t,
} from './resources/form-inputs.ts';
export type {
  AfterSave,
  BeforeSave,
  DeleteEvent,
  Descendant,
  Errors,
  Hooks,
  OwnSave,
  TransactionClient,
  ValidateContext,
} from './resources/hooks.ts';
export type { FinishLanding, LandedTask, Landing, LaunchLanding } from './resources/landing.ts';
export type { DraftOf, FieldName, RecordOf, RelatedName } from './resources/model-types.ts';
export type {
  ChangeContext,
  EachContext,
  OperationOptions,
  Refused,
} from './resources/operation-options.ts';
export type {
  Arrangement,
  BulkOptions,
  BulkSelection,
  ComputedColumn,
  FieldGroupOptions,
  FieldOptions,
  ResourceOptions,
  UniqueLaunch,
  WriteThrough,
} from './resources/options.ts';
export { DefinitionError } from './resources/problems.ts';
export * from './resources/project-types.ts';
export type { InTask, WriteCalls } from './resources/write-calls.ts';
export type { TaskColumn } from './task-columns.ts';
export type { AffectedRecords, OwnOverlap } from './task-definitions/affected-records.ts';
export {
  type CatchUp,
  defineSchedule,
  type Schedule,
  type ScheduledBulk,
  type ScheduleOptions,
  type ScheduleOverlap,
  type ScheduleTimes,
} from './task-definitions/define-schedule.ts';
export {
  type Backoff,
  type Concurrency,
  defineTask,
  type Rate,
  type TaskDefinition,
  type TaskOptions,
} from './task-definitions/define-task.ts';
export type { LaunchButton, Pressed, PressedOn } from './task-definitions/launch-button.ts';
export type { TaskEvent, TaskEventName, TaskHook } from './task-definitions/task-hooks.ts';
export {
  type AroundTask,
  type ChildOptions,
  type ChildOutcome,
  type ChildTask,
  type EachOptions,
  type Positioned,
  type StopReason,
  type TaskAround,
  TaskChildFailed,
  TaskGiveUp,
  TaskRetryLater,
  type TaskRun,
} from './task-definitions/task-run.ts';
export type { TaskInfo } from './task-info.ts';
export {
  type LaunchOptions,
  type ManagerOf,
  TaskManager,
  type TaskManagerAccess,
  type TaskManagerClass,
  TaskNotSucceeded,
} from './task-manager.ts';
export type { AskedLaunch, LaunchAnswer } from './tasks/asked-launch.ts';
export type { BackendInfo } from './tasks/looking/list-backends.ts';
export type { ScheduleInfo, ScheduleRun } from './tasks/schedules/list-schedules.ts';
export type { DuplicatePolicy, Unique } from './unique.ts';
