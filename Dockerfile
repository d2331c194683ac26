# The exporter and its pinned dependencies: no build tools, no cache, no root.
#   docker build --tag pg-migration-exporter .
#   docker run --read-only --publish 9886:9886 pg-migration-exporter serve --listen 0.0.0.0:9886 --dsn ...

# Dependabot renews the digests of the images.
FROM python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source

# First what changes seldom, so that a change of the code reuses these layers.
COPY requirements/build.lock requirements/runtime.lock requirements/
RUN python -m pip install --require-hashes --requirement requirements/build.lock \
    && python -m venv --without-pip /opt/pg-migration-exporter \
    && python -m pip --python /opt/pg-migration-exporter/bin/python install \
        --require-hashes --only-binary :all: --requirement requirements/runtime.lock

COPY pyproject.toml README.md LICENSE ./
COPY exporter/ exporter/
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && python -m pip --python /opt/pg-migration-exporter/bin/python install --no-deps /wheel/*.whl


FROM python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb
LABEL org.opencontainers.image.title="pg-migration-exporter" \
      org.opencontainers.image.description="Prometheus exporter for PostgreSQL that understands Liquibase schema migrations" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/pg-migration-exporter/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

COPY --from=builder /opt/pg-migration-exporter /opt/pg-migration-exporter

# The only folder that it may write to, and only with `state_directory` set to it. A number instead
# of a name, so that Kubernetes can tell that it is not root (runAsNonRoot).
RUN install --directory --mode=0700 --owner=65532 --group=65532 /var/lib/pg-migration-exporter
USER 65532:65532

EXPOSE 9886
STOPSIGNAL SIGTERM
# Over TLS too, and whatever login it asks for. One with another port needs a check of its own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["pg-migration-exporter", "health", "--port", "9886"]

ENTRYPOINT ["pg-migration-exporter"]
CMD ["serve", "--listen", "0.0.0.0:9886"]
