# One image for every process of the gateway; the command is the module to run, for example `vt600_api.ingest`.
# `make image` builds it. BASE is any Debian with Python ≥ 3.11 and its venv module; `make image-base` makes one without a registry.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /app
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements.lock deploy/image/remove_unneeded.py ./
RUN python3 -m venv .venv
# Who reaches the package index through a proxy with a certificate of its own gives it as the secret `ca`.
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    .venv/bin/pip install --only-binary :all: --require-hashes --requirement requirements.lock
COPY libs libs
COPY services services
COPY simulator simulator
RUN .venv/bin/pip install --no-deps --no-build-isolation \
        --editable libs/protocol --editable libs/bus --editable libs/runtime \
        --editable services/listener --editable services/api --editable services/commander --editable simulator
# The lock is the developers' too; what only they need stays out of the image.
RUN .venv/bin/python remove_unneeded.py && rm requirements.lock remove_unneeded.py && .venv/bin/python -m compileall -q .

FROM ${BASE}
RUN useradd --uid 10001 --no-log-init --no-create-home --home-dir /app --shell /usr/sbin/nologin vt600
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8888/tcp 8888/udp 8080 9081 9082 9083 9084 9085
ENTRYPOINT ["python", "-m"]
CMD ["vt600_listener"]
