# The image the site is served from. Another one: docker build --build-arg STATIGO=registry.example/statigo:1 .
ARG STATIGO=statigo

FROM node:24-bookworm-slim AS build
# What is dated in the site, is dated in this time zone.
ENV TZ=@@timezone@@
WORKDIR /build
# The packages first: a change of the site's text then reuses this layer.
COPY @@manifests@@ ./
RUN @@install@@
COPY . ./
RUN @@build@@

@@compressed@@
