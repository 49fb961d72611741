// The same application as a CommonJS host has it: all by require, and parsers after Bulkhead.
const { bulkhead } = require('bulkhead');
const express = require('express');
const { default: admin } = require('./bulkhead.config.ts');
const { getUser, home, refreshUser, signIn } = require('./people.ts');

const app = express();
const pages = bulkhead.handler({ prefix: '/admin', admin, getUser, refreshUser, worker: true });
app.use('/admin', pages);
app.use(express.urlencoded({ extended: true }));
app.post('/sign-in', signIn);
app.get('/', (_request, response) => void response.send(home));

const server = app.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(`Library is served at http://127.0.0.1:${server.address().port}`);
});
process.once('SIGTERM', () => {
  server.close();
  void pages.close();
});
