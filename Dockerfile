# Three stages: `build` compiles, `test` passes the tests (docker build --target test .), the last one is what runs:
# the program, its model and shared libraries, under a user without privileges.
#   docker build -t metserve .
# How to check and run it: docs/operations.md, In Docker.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /src
COPY deploy/scripts/install-packages deploy/scripts/
COPY docs/DEPENDENCIES.md docs/
RUN deploy/scripts/install-packages build run
COPY . .
RUN cmake --preset release -DMETSERVE_TESTS=OFF -DCMAKE_INSTALL_PREFIX=/usr \
 && cmake --build --preset release \
 && DESTDIR=/stage cmake --install build/release --strip

FROM build AS test
RUN tests/run

FROM ${BASE}
COPY deploy/scripts/install-packages /tmp/metserve/deploy/scripts/
COPY docs/DEPENDENCIES.md /tmp/metserve/docs/
RUN /tmp/metserve/deploy/scripts/install-packages run \
 && rm -rf /tmp/metserve /var/lib/apt/lists/* \
 && useradd --system --uid 990 --home-dir /var/lib/metserve --create-home metserve
COPY --from=build /stage/ /
USER metserve
VOLUME /var/lib/metserve
EXPOSE 11112 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/metserve"]
CMD ["serve", "--config", "/etc/metserve/metserve.yaml"]
