# Stands in for eventstore/eventstore: the double that the adapter's tests run against, as a server.
# It keeps everything in memory: a restart of this container loses the stream.
ARG COUNTERFOIL_IMAGE
FROM ${COUNTERFOIL_IMAGE}
USER root
COPY testing /app/packages/adapters/src/eventstore/testing
COPY eventstore-serve.js /app/packages/adapters/src/eventstore/testing/serve.js
COPY eventstore-curl /usr/local/bin/curl
RUN ln -s /app/node_modules/.pnpm/node_modules/@grpc /app/packages/adapters/node_modules/@grpc
HEALTHCHECK NONE
USER 10001:10001
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "/app/packages/adapters/src/eventstore/testing/serve.js"]
CMD []
