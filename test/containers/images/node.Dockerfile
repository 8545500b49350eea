# Stands in for node:24-…-slim: the binary of the npm package `node`, and npm.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY npm /usr/local/lib/node_modules/npm
COPY node /usr/local/bin/node
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
CMD ["node"]
