/** In `next.config.ts`: what is below the path goes to a process of `npx bulkhead serve`. */
export default {
  rewrites: async () => [
    { source: '/admin', destination: 'http://127.0.0.1:3001/admin' },
    { source: '/admin/:path*', destination: 'http://127.0.0.1:3001/admin/:path*' },
  ],
};
