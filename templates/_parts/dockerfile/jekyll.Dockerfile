# The image the site is served from. Another one: docker build --build-arg STATIGO=registry.example/statigo:1 .
ARG STATIGO=statigo

FROM jekyll/jekyll:stable AS build
# Posts and the footer's "Built on" are dated in this time zone.
RUN apk add --no-cache --update tzdata
ENV TZ=@@timezone@@
RUN cp /usr/share/zoneinfo/@@timezone@@ /etc/localtime
# The jekyll image says development, which themes and plugins take as "leave out feeds and analytics".
ENV JEKYLL_ENV=production
# Not ./_site: /srv/jekyll is a volume, and what a build writes into a volume is lost to COPY --from.
# Open to all, because the image runs jekyll as a user who may not create a folder in /.
RUN mkdir -m 0777 /site
COPY . ./
RUN @@command@@ -d /site

@@compressed@@
