# syntax=docker/dockerfile:1
# One brain as one executable, and the management service of many as another. Build for both kinds
# of machine with
#   docker buildx build --platform linux/amd64,linux/arm64 -t second-brain .
#   docker buildx build --platform linux/amd64,linux/arm64 --target manager -t second-brain-manager .
# The build stage runs on the builder's own machine and compiles for the other one.

FROM --platform=$BUILDPLATFORM node:24-trixie-slim AS build
# To hold the runtime to a sum known beforehand, not to the one published beside it.
ARG DENORT_SHA256=""
ARG TARGETARCH
WORKDIR /src
# The version that the lock file and the tests were made with; no install script is run.
RUN npm install --global --ignore-scripts deno@2.9.6
COPY deno.json deno.lock main.ts ./
COPY src ./src
COPY .build ./.build
RUN deno task bundle
# Fetches the runtime for the target, checks its SHA-256, bakes the permissions in.
RUN DENORT_SHA256="$DENORT_SHA256" deno run -A .build/compile.ts \
    --target="linux/$TARGETARCH" --output=/out/second-brain \
  && DENORT_SHA256="$DENORT_SHA256" deno run -A .build/compile.ts --program=manager \
    --target="linux/$TARGETARCH" --output=/out/second-brain-manager \
  && install -d -o 65532 -g 65532 -m 0700 /out/data

FROM gcr.io/distroless/cc-debian13:nonroot AS manager
COPY --from=build --chmod=0555 /out/second-brain-manager /usr/local/bin/second-brain-manager
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV BACKUP_FOLDER=/data/backups \
    HOST=0.0.0.0 \
    PORT=8080 \
    DENO_USE_CGROUPS=1
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/second-brain-manager"]
CMD ["serve"]

# The last one is what a build without a target makes.
FROM gcr.io/distroless/cc-debian13:nonroot AS brain
COPY --from=build --chmod=0555 /out/second-brain /usr/local/bin/second-brain
# An empty folder of the right owner: a new named volume takes both from it.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# DENO_USE_CGROUPS: without it V8 sizes its heap by the machine, not by the container's limit.
ENV ENVIRONMENT=production \
    MEMORY_PERSIST_PATH=/data/memories.json \
    HOST=0.0.0.0 \
    PORT=8000 \
    DENO_USE_CGROUPS=1
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/usr/local/bin/second-brain", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/second-brain"]
CMD ["serve"]
