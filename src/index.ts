/** What a project that uses Bulkhead imports. Nothing else is its business. */
export { type AdminDefinition, defineAdmin } from './admin-definition.ts';
export type { Principal } from './auth/principal.ts';
export { AppError } from './errors.ts';
export type { Metadata } from './metadata/contract.ts';
export type { Action, Client, Where } from './resources/contract.ts';
export { defineResource, type ResourceDefinition, type TypedResourceOptions } from './resources/define-resource.ts';
