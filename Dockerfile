# A node of a cluster, or a node alone: then it keeps everything in /data.
FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /parley
COPY package.json package-lock.json .npmrc ./
COPY client/package.json client/
COPY tools/prepare-uws.js tools/
RUN npm ci --omit=dev

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production DATA_DIR=/data
WORKDIR /parley
# PostgreSQL's programs are made executable at the first start.
COPY --from=dependencies --chown=node:node /parley/node_modules node_modules
COPY package.json ./
COPY client client
COPY config config
COPY proto proto
COPY src src
RUN install --directory --owner=node --group=node /data
USER node
VOLUME /data
EXPOSE 3000
# It drains, which may take 45 seconds: give it as much before it is killed.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
