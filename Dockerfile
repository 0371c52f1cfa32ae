# One image for every service, job and stand-in of docker-compose.yml. Any Debian with Node 24 and npm will do as base.
ARG BASE=node:24.21.0-bookworm-slim

# What npm needs to know: as long as none of it changes, installed packages come from the cache.
FROM ${BASE} AS manifests
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

FROM ${BASE} AS build
WORKDIR /app
COPY --from=manifests /app .
RUN --mount=type=cache,target=/npm-cache npm ci --cache /npm-cache --ignore-scripts --no-audit --no-fund
COPY . .
# What runs: no sources, tests, types or maps.
RUN node node_modules/typescript/bin/tsc -b deploy/compose apps/cli && node tools/bundle-services.ts && mkdir /built \
  && tar -c --exclude=node_modules --exclude=src --exclude=fixtures --exclude=released --exclude='*.spec.*' \
    --exclude='*.fixture.*' --exclude='*.d.ts' --exclude='*.map' --exclude=.tsbuildinfo --exclude='tsconfig.json' \
    package.json LICENSE apps deploy libs policies | tar -x -C /built

FROM ${BASE} AS dependencies
WORKDIR /app
COPY --from=manifests /app .
# The optional packages are Node itself and PostgreSQL, for running without Docker.
RUN --mount=type=cache,target=/npm-cache npm ci --cache /npm-cache --ignore-scripts --no-audit --no-fund --omit=dev --omit=optional \
  -w deploy/compose -w apps/cli

FROM ${BASE} AS runtime
# For the certificates of the broker, which the job `secrets` makes.
RUN apt-get update && apt-get install -y --no-install-recommends openssl && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV NODE_ENV=production
COPY --from=dependencies /app .
COPY --from=build /built .
USER 1000:1000
CMD ["node", "deploy/compose/dist/main.js", "--help"]
