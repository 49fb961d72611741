import helmet from '@fastify/helmet';
import plugin from 'fastify-plugin';

export interface SecurityOptions {
  isHttps: boolean;
}

const self = ["'self'"];
const none = ["'none'"];

export const security = plugin<SecurityOptions>(
  async (app, { isHttps }) =>
    void (await app.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: none,
          scriptSrc: self,
          styleSrc: self,
          imgSrc: [...self, 'data:'],
          fontSrc: self,
          connectSrc: self,
          formAction: self,
          baseUri: none,
          frameAncestors: none,
        },
      },
      xFrameOptions: { action: 'deny' },
      referrerPolicy: { policy: 'same-origin' },
      // Promising HTTPS for a host that is reached over plain HTTP would lock people out of it.
      strictTransportSecurity: isHttps,
    })),
  { name: 'bulkhead-security' },
);
