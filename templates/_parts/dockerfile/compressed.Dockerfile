# Text in three codings beside itself: the server sends the one that a browser takes, since it compresses nothing itself.
FROM alpine:3.23 AS compressed
RUN apk add --no-cache brotli gzip zstd
COPY --from=build @@from@@ /site
RUN find /site -type f -size +1k \
      \( -name '*.html' -o -name '*.css' -o -name '*.js' -o -name '*.mjs' -o -name '*.json' -o -name '*.svg' \
         -o -name '*.xml' -o -name '*.txt' -o -name '*.md' -o -name '*.webmanifest' -o -name '*.wasm' \) \
      -exec brotli --keep {} + \
      -exec zstd -19 --quiet {} + \
      -exec gzip --keep --best --no-name {} +

FROM ${STATIGO}
COPY --from=compressed /site ./
@@settings@@
