import 'fastify';

declare module 'fastify' {
  interface FastifyReply {
    page(name: string, data: object): FastifyReply;
  }
}
