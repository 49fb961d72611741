import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { type EntrySearch, listEntries } from '../../audit/list-entries.ts';
import { findHead } from '../../audit/seal.ts';
import { notFound } from '../../errors.ts';
import { readerOf } from '../../fields/reader.ts';
import { limits } from '../../limits.ts';
import { operates } from '../../tasks/who-sees.ts';
import { principalOf, wantsJson } from '../negotiate.ts';
import type { RouteOptions } from '../route-options.ts';
import { auditCsvColumns, auditCsvLine, auditData } from './audit.ts';
import { type AuditQuery, parseAuditQuery, readAuditSearch } from './audit-query.ts';

/** Entries read in one statement of the CSV. */
const csvPage = 1_000;

/** Who did what, for admins. */
export const auditRoutes: FastifyPluginAsync<RouteOptions> = async (
  app,
  { context: { db, registry }, url },
) => {
  app.get('/tasks/audit', async (request, reply) => {
    const { query, search, timeZone } = readRequest(request);
    const limit = limits.shown.entries;
    const page = { before: query.before, limit: limit + 1 };
    const entries = await listEntries(db.pages, db, search, page);
    if (wantsJson(request)) {
      const shown = entries.slice(0, limit);
      return { entries: shown, before: entries.length > limit ? (shown.at(-1)?.id ?? null) : null };
    }
    const head = await findHead(db.pages, db);
    const isSealed = db.auditKeys.name !== null;
    const parts = { registry, query, head, isSealed, limit, now: new Date(), timeZone, url };
    return reply.page('audit/index', auditData(entries, parts));
  });

  app.get('/tasks/audit.csv', async (request, reply) => {
    const { search } = readRequest(request);
    reply
      .header('content-disposition', 'attachment; filename="audit.csv"')
      .type('text/csv; charset=utf-8');
    // A spreadsheet would run a text that begins as a formula does.
    const csv = stringify({
      header: true,
      columns: [...auditCsvColumns],
      escape_formulas: true,
      bom: true,
    });
    return reply.send(Readable.from(lines(search)).pipe(csv));
  });

  async function* lines(search: EntrySearch) {
    for (let before: number | null = null; ; ) {
      const entries = await listEntries(db.pages, db, search, { before, limit: csvPage });
      for (const entry of entries) yield auditCsvLine(registry, entry);
      if (entries.length < csvPage) return;
      before = entries.at(-1)?.id ?? null;
    }
  }

  function readRequest(request: FastifyRequest): {
    query: AuditQuery;
    search: EntrySearch;
    timeZone: string;
  } {
    const principal = principalOf(request);
    if (!operates({ registry }, principal)) throw notFound();
    const query = parseAuditQuery(request.query as Record<string, unknown>);
    const { timeZone } = readerOf(principal);
    return { query, search: readAuditSearch(registry, query, timeZone), timeZone };
  }
};
