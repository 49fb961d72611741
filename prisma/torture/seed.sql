-- What Prisma's schema language cannot say, then rows: nulls, empty strings, wildcards, backslashes, unicode, extremes.

create view torture."person summary" as
  select p.id, p.name, count(f."A") as friends from torture.person p left join torture._friendship f on f."B" = p.id group by p.id, p.name;
create view torture."MoodCount" as select mood, count(*) as count from torture."every thing" group by mood;
alter table torture."Defaulted" drop column shout;
alter table torture."Defaulted" add column shout text generated always as (upper(coalesce(note, ''))) stored;

-- Texts that trip people up; the first is null.
create function torture.sample_text(n int) returns text language sql immutable as $$
  select (array[null, '', ' ', 'plain', 'Plain', '%', '_', '100% sure', 'under_score', 'back\slash', '\', '\%', 'it''s "quoted"', '<b>&amp;</b>',
    'Größe', 'GRÖSSE', 'İstanbul', '東京', '🙂 emoji', 'e' || chr(769) || 'galite', E'line\nbreak', E'tab\t', 'null', 'undefined', '0', '-1', '[]', '{"a": 1}',
    'a,b', 'a..b', 'key=value&x=y', '../..', '*', '''; drop table x; --', repeat('long ', 60), 'zzz'])[n] $$;

insert into torture."every thing" (id, text, varchar, "char", uuid, xml, inet, citext, bit, varbit, "int", "smallInt", oid, "bigInt", "float", "real", "decimal", "decimal_12_4",
  money, "boolean", "dateTime", timestamp6, timestamptz, date, time, timetz, json, "jsonText", bytes, mood, "otherKind")
select n, torture.sample_text(n), left(torture.sample_text(n), 20), left(torture.sample_text(n), 5),
  (array[null, '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'])[1 + n % 4]::uuid,
  (array[null, '<a/>', '<a b="c">d</a>'])[1 + n % 3]::xml,
  (array[null, '10.0.0.1', '::1', '192.168.0.0/24'])[1 + n % 4]::inet,
  torture.sample_text(n)::citext,
  (array[null, b'0000', b'1010', b'1111'])[1 + n % 4],
  (array[null, b'', b'1', b'10101010'])[1 + n % 4]::varbit(8),
  (array[null, 0, 1, -1, 2147483647, -2147483648, 42])[1 + n % 7],
  (array[null, 0, 1, -1, 32767, -32768])[1 + n % 6],
  (array[null, 0, 1, 4294967295])[1 + n % 4]::oid,
  (array[null, 0, -1, 9007199254740993, 9223372036854775807, -9223372036854775808])[1 + n % 6],
  (array[null, 0, 0.1, -1.5, 1e308, 5e-324, 1e21])[1 + n % 7]::float8,
  (array[null, 0, 0.5, -1.25, 3e38])[1 + n % 5]::real,
  (array[null, 0, 0.1, 12345678901234567890123456789012345.123456789012345678901234567891, -0.000000000000000000000000000001])[1 + n % 5],
  (array[null, 0, 0.1, 99999999.9999, -99999999.9999, 1.5])[1 + n % 6],
  (array[null, 0, 12.34, -12.34])[1 + n % 4]::numeric::money,
  (array[null, true, false])[1 + n % 3],
  (array[null, '1970-01-01', '2020-02-29 12:34:56.789', '0001-01-01', '9999-12-31 23:59:59.999', now() - interval '3 days'])[1 + n % 6]::timestamp,
  (array[null, '1970-01-01', '2020-02-29 12:34:56.789012', '2038-01-19 03:14:08'])[1 + n % 4]::timestamp,
  (array[null, '1970-01-01Z', '2020-02-29 12:34:56.789012+02', '2020-03-29 01:30Z'])[1 + n % 4]::timestamptz,
  (array[null, '1970-01-01', '2020-02-29', '0001-01-01', '9999-12-31'])[1 + n % 5]::date,
  (array[null, '00:00', '12:34:56.789012', '23:59:59.999'])[1 + n % 4]::time,
  (array[null, '00:00Z', '12:34:56+02', '23:59:59-05'])[1 + n % 4]::timetz,
  (array[null, 'null', '{}', '[]', '""', '{"b": [1, null, 9007199254740993], "a": "ü%_\\"}', '0'])[1 + n % 7]::jsonb,
  (array[null, 'null', '{ "b":1, "a":2 }', '1.10'])[1 + n % 4]::json,
  (array[null, '\x', '\x00', '\xdeadbeef', decode(repeat('ab', 3000), 'hex')])[1 + n % 5]::bytea,
  (array[null, 'HAPPY!', 'sad mood', 'meh'])[1 + n % 4]::torture."mood type",
  (array[null, 'red', 'green'])[1 + n % 3]::"Odd-Schema".kind
from generate_series(1, 36) n;
select setval(pg_get_serial_sequence('torture."every thing"', 'id'), 36);

insert into "Odd-Schema"."Required" (text, varchar, "char", uuid, "int", "smallInt", "bigInt", "float", "decimal", decimal12, "boolean", "dateTime", date, time, zoned, json, mood, "otherKind")
select coalesce(torture.sample_text(n), ''), left(coalesce(torture.sample_text(n), ''), 20), left(coalesce(torture.sample_text(n), ''), 5), md5(n::text)::uuid, n * 1000, n, n * 4294967296,
  n / 7.0, n / 3.0, n / 8.0, n % 2 = 0, timestamp '2026-01-01' + n * interval '1 day 1 hour', date '2026-01-01' + n, time '00:00' + n * interval '7 minutes',
  timestamptz '2026-01-01Z' + n * interval '1 hour', jsonb_build_object('n', n), (array['HAPPY!', 'sad mood', 'meh'])[1 + n % 3]::torture."mood type",
  (array['red', 'green'])[1 + n % 2]::"Odd-Schema".kind
from generate_series(1, 36) n;

insert into torture."Defaulted" (uuid, uuid7, cuid, cuid2, ulid, nanoid, "updatedAt", note)
select gen_random_uuid(), gen_random_uuid(), 'c' || md5('a' || n), 'c' || md5('b' || n), upper(substr(md5('u' || n), 1, 26)), substr(md5('n' || n), 1, 21), now(), torture.sample_text(n)
from generate_series(1, 6) n;

insert into "Odd-Schema"."ScalarList" (name, texts, varchars, uuids, ints, "bigInts", floats, decimals, booleans, "dateTimes", dates, jsons, bytes, moods, kinds)
select 'List ' || n,
  (array['{}', '{a}', '{a,b,"c,d"}', '{"","%",_,"\\","null"}'])[1 + n % 4]::text[], (array['{}', '{a}', '{b,c}'])[1 + n % 3]::varchar(10)[],
  (array['{}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'])[1 + n % 2]::uuid[], (array['{}', '{1}', '{1,2,-3}', '{2147483647}'])[1 + n % 4]::int[],
  (array['{}', '{9223372036854775807}'])[1 + n % 2]::bigint[], (array['{}', '{0.1,1e100}'])[1 + n % 2]::float8[], (array['{}', '{0.10000,123456789012345.12345}'])[1 + n % 2]::numeric(20, 5)[],
  (array['{}', '{t,f}'])[1 + n % 2]::boolean[], (array['{}', '{2020-02-29 12:00:00.123}'])[1 + n % 2]::timestamp(3)[], (array['{}', '{2020-02-29,1970-01-01}'])[1 + n % 2]::date[],
  (array['{}', '{"{\"a\":1}","null","[]"}'])[1 + n % 2]::jsonb[], (array['{}', '{"\\xdeadbeef","\\x"}'])[1 + n % 2]::bytea[],
  (array['{}', '{HAPPY!,meh}'])[1 + n % 2]::torture."mood type"[], (array['{}', '{red}', '{red,green}'])[1 + n % 3]::"Odd-Schema".kind[]
from generate_series(1, 8) n;
-- A list that Prisma reads as empty.
insert into "Odd-Schema"."ScalarList" (name) values ('No lists');

insert into torture."Unsupported" (name, point) select 'Place ' || n, case when n % 2 = 0 then point(n, n) end from generate_series(1, 4) n;
insert into torture."RequiredBytes" (name, data) select 'Bytes ' || n, int4send(n) from generate_series(1, 4) n;
insert into torture."RequiredUnsupported" (name, point) select 'Spot ' || n, point(n, n) from generate_series(1, 4) n;

-- Ids of every kind.
insert into torture."IdBigInt" (name) select 'Big ' || n from generate_series(1, 30) n;
insert into torture."IdSnowflake" values (9223372036854775807, 'most'), (-9223372036854775808, 'least'), (0, 'zero'), (9007199254740993, 'beyond 2^53'), (9007199254740992, '2^53');
insert into torture."IdSmallInt" values (32767, 'most'), (-32768, 'least'), (0, 'zero');
insert into torture."IdUuid" select md5(n::text)::uuid, 'Uuid ' || n from generate_series(1, 30) n;
insert into torture."IdUuidText" select md5(n::text)::uuid::text, 'Uuid ' || n from generate_series(1, 4) n;
insert into "Odd-Schema"."IdDatabaseUuid" select md5(n::text)::uuid, 'Uuid ' || n from generate_series(1, 4) n;
insert into torture."IdCuid" select 'c' || substr(md5(n::text), 1, 24), 'Cuid ' || n from generate_series(1, 4) n;
insert into torture."IdText" select t, 'Text ' || n from generate_series(2, 36) n, lateral (select torture.sample_text(n) as t) s
  union all select t, 'Path ' || t from unnest(array['.', '..', '~', '~new', 'new', 'selection', 'edit', 'a/b', 'a?b', 'a#b', 'a b', 'a+b', '%2F', '%']) t where t <> '%';
insert into torture."IdChar" values ('a', 'one'), ('ab', 'two'), ('ESP', 'Spain'), ('é%_', 'odd'), ('', 'nothing');
insert into torture."IdVarChar" values ('a', 'one'), ('12345678', 'eight'), ('a ', 'a space'), ('ÄÖÜ%_\', 'odd');
insert into torture."IdCitext" values ('Abc', 'mixed'), ('xyz', 'small');
insert into torture."IdInet" values ('10.0.0.1', 'host'), ('10.0.0.0/8', 'net'), ('::1', 'six');
insert into torture."IdBit" values (b'000000', 'none'), (b'101010', 'some');
insert into torture."IdDateTime" values ('2020-02-29 12:34:56.789', 'leap'), ('1970-01-01', 'epoch'), ('9999-12-31 23:59:59.999', 'late');
insert into torture."IdTimestamp" values ('2020-02-29 12:34:56.789012Z', 'microseconds'), ('2020-02-29 12:34:56.789013Z', 'one later'), ('1970-01-01Z', 'epoch');
insert into torture."IdDate" values ('2020-02-29', 'leap'), ('1970-01-01', 'epoch');
insert into torture."IdTime" values ('00:00:00', 'midnight'), ('23:59:59', 'late');
insert into torture."IdDecimal" values (12345678901234567890.1234567890, 'many digits'), (1.5, 'few'), (-0.1, 'negative'), (100, 'whole');
insert into torture."IdFloat" values (0.1, 'tenth'), (1e300, 'large');
insert into torture."IdBoolean" values (true, 'yes'), (false, 'no');
insert into torture."IdEnum" values ('HAPPY!', 'happy'), ('meh', 'meh');
insert into torture."IdBytes" values ('\x', 'none'), ('\xdeadbeef', 'beef');
insert into torture."CompositeInt" select a, b, a || '/' || b from generate_series(-2, 3) a, generate_series(1, 5) b;
insert into "Odd-Schema"."composite-mixed" select md5(n::text)::uuid, torture.sample_text(n), n * 4294967296 * (-1) ^ n, date '2026-01-01' + n, (array['HAPPY!', 'sad mood', 'meh'])[1 + n % 3]::torture."mood type", torture.sample_text(n)
  from generate_series(2, 31) n;
insert into torture."CompositeOdd" select timestamptz '2026-01-01 12:34:56.789Z' + n * interval '1 hour', (array['a', 'ab', 'abc'])[1 + n % 3], int4send(n), n / 8.0, torture.sample_text(n) from generate_series(1, 6) n;
insert into torture."UniqueOnly" values ('a@example.com', 'A'), ('b%_\@example.com', null);
insert into torture."CompoundUniqueOnly" values (null, 2020, 'Paris', 'first'), (null, 2020, 'Lyon', null), ('nick', 2021, 'Paris', '');
insert into torture."ManyUniques" (email, phone, first, last, number) select 'm' || n || '@example.com', case when n > 2 then '+' || n end, 'First ' || n, 'Last ' || n, n from generate_series(1, 5) n;

-- Names.
insert into torture."group of 100%" values ('Admins'), ('100% _odd_ \ "group"'), ('');
insert into torture."user" (ident, id, contains, "in", "not", "where", data, "is", "some", count, "constructor", "toString", "hasOwnProperty", length, "Name 1", "quoted 'column'", "100% of $1", page_size, "group", "table", "current_user")
select n, 100 - n, torture.sample_text(n), 'in', null, 'where', 'data', 'is', 'some', n, 'constructor', 'toString', null, n, 'name ' || n, 'quoted', '100%', n, n, n % 2 = 0, 'me' from generate_series(1, 30) n;
insert into torture."order" ("select", "from", "user") select 'Order ' || n, torture.sample_text(n), case when n % 3 > 0 then 100 - n end from generate_series(1, 30) n;
insert into torture."_GroupToOrder" select 'Admins', n from generate_series(1, 5) n;
insert into torture.order_line select o, l, 'Article ' || l from generate_series(1, 5) o, generate_series(1, 3) l;
insert into torture."OrderLine" (name) values ('A line of another kind');
insert into torture."Task" (title) values ('Not one of Bulkhead''s'), ('Another');
insert into torture."Constructor" (name) values ('one'), ('two');
insert into torture."Then" (name) values ('one'), ('two');
insert into torture."2b" (name) values ('or not');
insert into torture."HTTPServer" ("baseURL") values ('https://example.com/?q=1&r=2');
insert into torture."Bare" default values;
insert into torture."Bare" default values;
insert into torture."A_very_long_name_that_goes_on_until_no_identifier_can_be_longer" ("a_column_name_that_goes_on_until_no_identifier_could_be_longer") values ('long');

-- Relations.
insert into torture."Department" (id, name) select md5('d' || n)::uuid, 'Department ' || n from generate_series(1, 3) n;
insert into torture.person (name, mentor_id, "departmentId")
  select 'Person ' || n, case when n > 3 then n / 3 end, case when n % 4 > 0 then md5('d' || n % 4)::uuid end from generate_series(1, 30) n;
update torture.person set "successorId" = id + 1 where id % 10 = 1;
update torture."Department" d set "headId" = (select min(id) from torture.person p where p."departmentId" = d.id);
insert into torture."Passport" select 'P-' || id, id from torture.person where id % 2 = 0;
insert into torture."Profile" select id, torture.sample_text(id) from torture.person where id % 3 = 0;
insert into "Odd-Schema"."clubs of people" (name) select 'Club ' || n from generate_series(1, 4) n;
insert into torture._friendship select a.id, b.id from torture.person a, torture.person b where b.id = a.id + 1 or b.id = a.id + 7;
insert into torture."Topic" select 'topic-' || n from generate_series(1, 5) n;
insert into torture."Course" values ('MATH', 'Mathematics'), ('ART', 'Art');
insert into torture."Enrollment" ("personId", "courseCode", grade) select id, 'MATH', id / 10.0 from torture.person where id <= 10;
insert into torture."Grading" ("personId", "courseCode", remark) select id, 'MATH', 'Remark ' || id from torture.person where id <= 5;
insert into torture."Message" ("senderId", "recipientId", text) select id, case when id % 2 = 0 then id - 1 end, 'Message ' || id from torture.person;
insert into "Odd-Schema"."Tenant" (name) values ('North'), ('South');
insert into "Odd-Schema"."Project" select t, 'P' || p, 'Project ' || t || '.' || p from generate_series(1, 2) t, generate_series(1, 3) p;
insert into "Odd-Schema"."UserAccount" (email) select 'user' || n || '@example.com' from generate_series(1, 3) n;
insert into "Odd-Schema"."Issue" ("tenantId", "projectCode", title, "reporterEmail")
  select 1 + n % 2, case when n % 3 > 0 then 'P' || n % 3 end, 'Issue ' || n, case when n % 2 = 0 then 'user1@example.com' end from generate_series(1, 12) n;
with eggs as (insert into torture."Egg" (id, colour, "henId") select n, 'white', n from generate_series(1, 3) n)
  insert into torture."Hen" (id, name, "eggId") select n, 'Hen ' || n, n from generate_series(1, 3) n;
select setval(pg_get_serial_sequence('torture."Hen"', 'id'), 3), setval(pg_get_serial_sequence('torture."Egg"', 'id'), 3);
insert into torture."ships at sea" (name) select 'Ship ' || n from generate_series(1, 40) n;
insert into "Odd-Schema".deck select s, l, case when l > 1 then '{ "b": 1,  "a":' || s || ', "a": 2.50 }' end::json from generate_series(1, 30) s, generate_series(1, 3) l;
insert into torture.cabins select s || '/' || l || '/' || c, s, l, s * 1000000000000.0000000001 + c, case when c = 1 then '\xdeadbeef'::bytea end
  from generate_series(1, 30) s, generate_series(1, 2) l, generate_series(1, 4) c;
insert into torture."Extra" (name) values ('Balcony'), ('Breakfast');
insert into torture."_CabinToExtra" select code, 1 + "on level" % 2 from torture.cabins where code like '%1';
analyze;
