-- What an application's own migrations have made, before it has Bulkhead: the same library in each host.
create table "Book" (
  id serial primary key,
  title text not null unique,
  shelf text not null,
  note text not null default '',
  copies integer not null default 1
);
create table "Stocktake" (
  id serial primary key,
  shelf text not null,
  books integer not null,
  "takenAt" timestamp(3) not null default current_timestamp
);
create table "Reader" (
  id serial primary key,
  email text not null unique,
  name text not null,
  role text not null,
  "passwordHash" text not null
);
insert into "Book" (title, shelf) select 'Book ' || n, chr(65 + n % 3) from generate_series(1, 500) as n;
