# The image the site is served from. Another one: docker build --build-arg STATIGO=registry.example/statigo:1 .
ARG STATIGO=statigo

# Nothing is built. A stage of its own all the same: whoever adds a generator has a place for it.
FROM scratch AS build
COPY @@pages@@ /site

@@compressed@@
