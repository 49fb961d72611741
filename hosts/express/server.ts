import { bulkhead } from 'bulkhead';
import express from 'express';
import admin from './bulkhead.config.ts';
import { getUser, home, refreshUser, signIn } from './people.ts';

const app = express();
// What is parsed already is taken where it was parsed as forms are.
app.use(express.urlencoded({ extended: false }));
app.post('/sign-in', signIn);

const pages = bulkhead.handler({ prefix: '/admin', admin, getUser, refreshUser, worker: true });
app.use('/admin', pages);
app.get('/', (_request, response) => void response.send(home));

const server = app.listen(Number(process.env.PORT), '127.0.0.1', () => {
  const { port } = server.address() as { port: number };
  console.log(`Library is served at http://127.0.0.1:${port}`);
});
process.once('SIGTERM', () => {
  server.close();
  void pages.close();
});
