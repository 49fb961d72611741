import pg from 'pg';

/** Two companies with a few hundred orders, unless there are any. */
export async function seed(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock(7001)');
    const { rowCount } = await client.query('select 1 from shop.tenant limit 1');
    if (rowCount === 0) await client.query(rows);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    await client.end();
  }
}

const rows = `
  insert into shop.tenant (name) values ('Harbour Books'), ('Lighthouse Records');
  insert into shop.customer (tenant_id, name, email)
    select 1 + n % 2, (array['Ada', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn', 'Gail', 'Hugo'])[1 + n % 8] || ' ' || (array['Archer', 'Baker', 'Carter', 'Dyer', 'Fisher'])[1 + n % 5], 'customer' || n || '@example.com'
    from generate_series(1, 40) n;
  insert into shop.product (tenant_id, name, price_cents, stock)
    select 1 + n % 2, (array['Atlas', 'Almanac', 'Chart', 'Logbook', 'Sextant'])[1 + n % 5] || ' ' || n, 495 + n * 130, n * 7 % 40
    from generate_series(1, 30) n;
  insert into shop."order" (tenant_id, number, customer_id, state, total_cents, placed_at)
    select 1 + n % 2, 'A-' || lpad(n::text, 5, '0'), case when n % 40 = 0 then 40 else n % 40 end, (array['open', 'paid', 'shipped', 'paid', 'cancelled'])[1 + n % 5]::shop.order_state,
      1375 + n * 113 % 9000, date_trunc('day', now()) - n % 60 * interval '1 day' + interval '9 hours'
    from generate_series(1, 240) n;
`;
