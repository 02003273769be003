# `sora serve` in a container: docker run -p 8080:8080 -e SORA_SERVE_KEY=… -v sora:/data sora
FROM node:22-alpine AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY test/newest-openai test/newest-openai
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:22-alpine
ENV NODE_ENV=production SORA_HOME=/data
COPY --from=build /build/package.json /build/LICENSE /app/
COPY --from=build /build/bin /app/bin
COPY --from=build /build/dist /app/dist
# The optional packages: object storage, and the ledger of a team.
COPY --from=build /build/node_modules /app/node_modules
# A volume gets the owner of the folder that it is mounted on; /videos is where deploy/compose.yaml shares videos.
RUN ln -s /app/bin/sora.js /usr/local/bin/sora && mkdir /data /videos && chown node:node /data /videos
USER 1000
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["sora"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080", "--api-key-env", "SORA_SERVE_KEY"]
