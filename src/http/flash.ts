/** What an answer leaves to be said by the next whole page. */
export interface Flash {
  level: 'success' | 'warning' | 'error' | 'info';
  message: string;
  /** Where it leads on. */
  link?: { href: string; label: string };
}

declare module 'fastify' {
  interface FastifyReply {
    /** Leaves it to the next whole page of the same person, in the same browser. */
    keepFlash(flash: Flash): void;
    /** What was left to this page, once. */
    takeFlash(): Flash | null;
  }
}
