# The image the site is served from. Another one: docker build --build-arg STATIGO=registry.example/statigo:1 .
ARG STATIGO=statigo

FROM alpine:3.23 AS build
RUN apk add --no-cache hugo tzdata
# What is dated in the site, is dated in this time zone.
ENV TZ=@@timezone@@
WORKDIR /build
COPY . ./
RUN @@command@@ --destination /site

@@compressed@@
