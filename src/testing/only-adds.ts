import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastOfBase } from './rolling-base.ts';

const folder = join(import.meta.dirname, '../../prisma/bulkhead/migrations');

/** Tables that may hold millions of rows: what locks or rewrites one stops everybody for minutes. */
const bigTables = [
  'task',
  'chunk',
  'change',
  'task_event',
  'task_step',
  'task_log',
  'task_about',
  'task_failure',
  'task_alteration',
  'matched_task',
  'descendant',
  'lock_range',
  'notice',
  'task_delivery',
  'audit_entry',
];

export interface Migrations {
  /** Up to the base, as one. */
  before: string;
  /** From there on. */
  since: ReadonlyMap<string, string>;
  /** How many there are up to the base. */
  countBefore: number;
}

export async function readOurMigrations(): Promise<Migrations> {
  const names = (await readdir(folder)).filter((name) => /^\d/.test(name)).sort();
  const read = (name: string) => readFile(join(folder, name, 'migration.sql'), 'utf8');
  const before = names.filter((name) => name <= lastOfBase);
  const since = new Map<string, string>();
  for (const name of names) if (name > lastOfBase) since.set(name, await read(name));
  const texts = await Promise.all(before.map(read));
  return { before: texts.join('\n'), since, countBefore: before.length };
}

/** Tables that a script makes. */
function tablesIn(script: string): string[] {
  return [...script.matchAll(/^create table (?:if not exists )?"(\w+)"/gim)].map(
    ([, name]) => name as string,
  );
}

/**
 * What code of before would not go together with, or what would stop everybody, each in a sentence.
 * What is not known to be right is refused.
 */
export function notOnlyAdding(script: string, before: string): string[] {
  const there = new Set(tablesIn(before));
  return statementsOf(script).flatMap((statement) => {
    const why = whyNot(statement, there);
    return why === null ? [] : [`${why}: ${statement.slice(0, 120)}`];
  });
}

/** Comments have no semicolon, and strings neither. */
function statementsOf(script: string): string[] {
  return script
    .replaceAll(/^\s*--.*$/gm, '')
    .split(';')
    .map((statement) => statement.replaceAll(/\s+/g, ' ').trim())
    .filter((statement) => statement !== '');
}

function whyNot(statement: string, there: ReadonlySet<string>): string | null {
  if (/^create table (if not exists )?"/i.test(statement)) return null;
  if (/^create (or replace )?function "/i.test(statement))
    return /^create or replace/i.test(statement)
      ? 'code of before calls the function that was there: make one of another name'
      : null;
  const index =
    /^create (unique )?index (concurrently )?(if not exists )?"\w+" on (?:only )?"(\w+)"/i.exec(
      statement,
    );
  if (index) {
    const [, unique, concurrently, ifNotExists, table = ''] = index;
    if (!there.has(table)) return null;
    if (concurrently)
      return 'migrations are one transaction, in which nothing is built concurrently';
    if (unique) return 'code of before may write what this refuses';
    return bigTables.includes(table) && !ifNotExists
      ? 'a big table would be locked: IF NOT EXISTS lets an operator build it before, concurrently'
      : null;
  }
  const alter = /^alter table (?:only )?"(\w+)" (.*)$/i.exec(statement);
  if (alter) {
    const [, table = '', acts = ''] = alter;
    if (!there.has(table)) return null;
    for (const act of actsOf(acts)) {
      const why = whyNotAct(act, table);
      if (why) return why;
    }
    return null;
  }
  return 'a migration adds tables, columns, indexes and functions, and no more';
}

/** What one statement does, at commas outside of parentheses. */
function actsOf(text: string): string[] {
  const acts: string[] = [];
  let depth = 0;
  let act = '';
  for (const sign of text) {
    if (sign === '(') depth += 1;
    if (sign === ')') depth -= 1;
    if (sign === ',' && depth === 0) {
      acts.push(act.trim());
      act = '';
    } else act += sign;
  }
  return [...acts, act.trim()];
}

function whyNotAct(act: string, table: string): string | null {
  if (/^alter column "\w+" set default /i.test(act)) return null;
  if (!/^add column (if not exists )?"\w+" /i.test(act))
    return 'code of before reads and writes what was there: add, and take away a release later';
  const defaulted = /\bdefault (.+?)(?: not null| check| references|$)/i.exec(act)?.[1];
  if (/\bnot null\b/i.test(act) && !defaulted)
    return 'code of before does not write the column: without a default its rows are refused';
  if (/\b(unique|primary key|generated)\b/i.test(act))
    return 'code of before does not write the column, or a big table would be rewritten';
  if (/\breferences\b/i.test(act)) return 'code of before deletes rows that this holds';
  return bigTables.includes(table) && /\w\s*\(/.test(defaulted ?? '')
    ? 'a big table would be rewritten: a default that is computed is not kept as one value'
    : null;
}
