# One image, two commands: `serve` (default) and `work`. Needs DATABASE_URL.
FROM node:24-slim AS build
WORKDIR /app
ENV NODE_DISABLE_COMPILE_CACHE=1
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --no-audit --no-fund
COPY . .
RUN node scripts/run.mjs generate && rm -r generated/torture generated/torture-metadata

# What the product stands on, and nothing that it is made, tried or tested with.
FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 BULKHEAD_FOLDER=/tmp/bulkhead
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund && npm cache clean --force
COPY --from=build --chown=node:node /app/prisma.config.ts ./
COPY --from=build --chown=node:node /app/generated ./generated
COPY --from=build --chown=node:node /app/prisma ./prisma
COPY --from=build --chown=node:node /app/public ./public
COPY --from=build --chown=node:node /app/scripts/container.sh ./scripts/container.sh
COPY --from=build --chown=node:node /app/src ./src
COPY --from=build --chown=node:node /app/views ./views
USER node
EXPOSE 3000
ENTRYPOINT ["/app/scripts/container.sh"]
CMD ["serve"]
