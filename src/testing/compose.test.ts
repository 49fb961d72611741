import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseEnv } from 'node:util';
import { parseConfig, settingNames } from '../config.ts';
import { oldestServer } from '../db/database.ts';
import { environmentOf, readDockerfile } from './image.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Service {
  image: string;
  build?: string;
  command?: string[];
  env_file: string;
  ports?: string[];
  restart: string;
  read_only?: boolean;
  tmpfs?: string[];
  volumes?: string[];
  init?: boolean;
  stop_grace_period?: string;
  healthcheck?: { test?: string[]; disable?: boolean };
  environment?: Record<string, string>;
  deploy?: { replicas: number };
  depends_on?: Record<string, { condition: string }>;
}

const { load } = createRequire(import.meta.url)('js-yaml') as { load(text: string): unknown };
const { services, volumes } = load(read('compose.yaml')) as {
  services: Record<'postgres' | 'migrate' | 'web' | 'worker', Service>;
  volumes: Record<string, unknown>;
};
const ours = [services.migrate, services.web, services.worker];
const settings = parseEnv(read('compose.env.example')) as Record<string, string>;
const environment = environmentOf(readDockerfile(read('Dockerfile')).at(-1) as never);

test('the composition is PostgreSQL, tables, pages and two workers, each begun when what it needs is there', () => {
  assert.deepEqual(Object.keys(services), ['postgres', 'migrate', 'web', 'worker']);
  assert.deepEqual(
    ours.map(({ command }) => command),
    [['migrate'], ['serve'], ['work']],
  );
  assert.equal(services.worker.deploy?.replicas, 2);
  // The image's health check asks it there.
  assert.equal(parseConfig(services.worker.environment ?? {}).BULKHEAD_PROBE_PORT, 9_100);
  const ready = { condition: 'service_completed_successfully' };
  assert.deepEqual(services.migrate.depends_on, { postgres: { condition: 'service_healthy' } });
  assert.deepEqual(services.web.depends_on, { migrate: ready });
  assert.deepEqual(services.worker.depends_on, { migrate: ready });
  // At the socket there is a server while the image makes the database, too, and then it is gone.
  assert.match(services.postgres.healthcheck?.test?.join(' ') ?? '', /pg_isready .*--host 127/);
  assert.ok(Number(services.postgres.image.split(':')[1]) >= oldestServer);
  for (const volume of services.postgres.volumes ?? [])
    assert.ok((volume.split(':')[0] ?? '') in volumes, volume);
});

test('each of ours is the one image, is told to stop before it is ended, and writes nothing but what does not last', () => {
  assert.equal(services.migrate.build, '.');
  for (const service of ours) {
    assert.equal(service.image, services.migrate.image);
    assert.equal(service.read_only, true);
    assert.ok(service.tmpfs?.some((path) => environment.BULKHEAD_FOLDER?.startsWith(path)));
    // The command is process 1, and is sent the signal itself.
    assert.equal(service.init, false);
    assert.equal(service.stop_grace_period, '60s');
  }
  assert.deepEqual(
    ours.map(({ restart }) => restart),
    ['no', 'unless-stopped', 'unless-stopped'],
  );
});

test('its one file of settings has nothing that is none, and names the database that is begun', () => {
  for (const service of Object.values(services)) assert.equal(service.env_file, 'compose.env');
  const unknown = Object.keys(settings).filter(
    (name) => !settingNames.includes(name as never) && !name.startsWith('POSTGRES_'),
  );
  assert.deepEqual(unknown, []);
  const config = parseConfig({ ...environment, ...settings });
  const { username, password, hostname, pathname } = new URL(config.DATABASE_URL ?? '');
  assert.deepEqual(
    [username, password, hostname, pathname.slice(1)],
    [settings.POSTGRES_USER, settings.POSTGRES_PASSWORD, 'postgres', settings.POSTGRES_DB],
  );
  assert.ok(config.BULKHEAD_SESSION_SECRET);
  const [published, port] = services.web.ports?.[0]?.split(':') ?? [];
  assert.equal(port, String(config.PORT));
  assert.equal(new URL(config.BULKHEAD_BASE_URL ?? '').port, published);
});
