# One image: it serves the pages, unless told to do anything else that Bulkhead does (work, migrate, doctor, …). Needs DATABASE_URL
# and, for pages, BULKHEAD_SESSION_SECRET; see docs/operations.md.
FROM node:24-slim AS build
WORKDIR /app
ENV NODE_ENV=development NODE_DISABLE_COMPILE_CACHE=1
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --no-audit --no-fund
COPY . .
RUN node scripts/run.mjs generate && rm -r generated/torture generated/torture-metadata

# What the product stands on, and nothing that it is made, tried or tested with.
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund
COPY scripts/trim-packages.mjs ./scripts/trim-packages.mjs
RUN node scripts/trim-packages.mjs

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 BULKHEAD_FOLDER=/tmp/bulkhead
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/package.json /app/package-lock.json /app/prisma.config.ts ./
COPY --from=build /app/generated ./generated
COPY --from=build /app/prisma ./prisma
COPY --from=build /app/public ./public
COPY --from=build /app/scripts/container.sh /app/scripts/probe.mjs ./scripts/
COPY --from=build /app/src ./src
COPY --from=build /app/views ./views
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["node", "/app/scripts/probe.mjs"]
ENTRYPOINT ["/app/scripts/container.sh"]
CMD ["serve"]
