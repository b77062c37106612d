# Every routine action. `make` alone lists them. Commit hooks and CI call these targets; no check is defined twice.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
MEMBERS := libs/protocol libs/bus libs/runtime services/listener services/api services/commander simulator deploy/local

n ?= 100
minutes ?= 5
service ?= api

.PHONY: help environment run test test-unit coverage fuzz chaos load format lint typecheck $(MEMBERS:%=typecheck-%) typecheck-tests migration simulate documents lock check clean image image-base sbom manifests cluster cluster-down test-k8s tools-k8s

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name text; do printf '  %-12s %s\n' "$$name" "$$text"; done

environment:
	@deploy/local/environment.sh

run: export VT600_STARTED_AT := $(shell date +%s.%N)
run:  ## Start the whole stack on this machine, with 20 simulated trackers (Ctrl-C stops it)
	@deploy/local/environment.sh $(if $(KAFKA_BOOTSTRAP_SERVERS),,servers)
	@exec $(PY) -m vt600_local run

test:  ## Every test, on its own Kafka and PostgreSQL (args="services/listener -k window" for some of them)
	@deploy/local/environment.sh servers
ifdef args
	@exec $(PY) -m pytest $(args)
else  # most of the time is spent waiting for processes: the tests of the commander and of the whole run beside the others
	@mkdir -p .run; $(PY) -m pytest services/commander tests/e2e >.run/beside.txt 2>&1 & \
	$(PY) -m pytest --deselect services/commander --deselect tests/e2e; others=$$?; \
	wait $$!; beside=$$?; cat .run/beside.txt; exit $$((others || beside))
endif

test-unit: environment  ## What needs no server; seconds
	@exec $(PY) -m pytest -m "not servers" $(args)

coverage: environment  ## Branch coverage of the codec, which is to be 100 %
	@exec $(PY) -m pytest -q libs/protocol --cov=vt600_protocol --cov-branch --cov-report=term:skip-covered --cov-fail-under=100

fuzz: environment  ## Coverage-guided fuzzing of the codec (minutes=5)
	@.venv/bin/uv pip install --quiet --require-hashes --requirement libs/protocol/fuzz/requirements.lock
	@exec $(PY) libs/protocol/fuzz/run.py --minutes $(minutes)

chaos: minutes = 15
chaos: commands ?= 2000
chaos:  ## Commands of every class while everything is killed and restarted, then judged (minutes=15 seed=N commands=2000)
	@deploy/local/environment.sh servers
	@exec $(PY) tests/chaos/run.py --minutes $(minutes) --commands $(commands) $(if $(seed),--seed $(seed))

load: environment  ## Benchmarks with printed figures (only=NAME for one of them, positions=N for export, reports=N for history, rate=N for churn)
	@exec $(PY) tests/load/run.py $(if $(only),--only $(only)) $(if $(positions),--positions $(positions)) $(if $(reports),--reports $(reports)) $(if $(rate),--rate $(rate))

format: environment  ## Format the code and mend what can be mended
	@$(PY) -m ruff check --quiet --fix-only .
	@$(PY) -m ruff format .

lint: environment  ## Rules, format and who may import whom
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@.venv/bin/lint-imports

typecheck: environment $(MEMBERS:%=typecheck-%) typecheck-tests  ## mypy, strict, one run per member

$(MEMBERS:%=typecheck-%): typecheck-%: environment
	@echo "mypy $*"
	@$(PY) -m mypy $(wildcard $*/vt600_* $*/tests)

typecheck-tests: environment
	@echo "mypy tests"
	@$(PY) -m mypy --explicit-package-bases tests

migration: environment  ## Write a new revision (m="what it changes", service=api or commander)
	@test -n "$(m)" || { echo 'say what it changes: make migration service=api m="add a column"' >&2; exit 1; }
	@$(PY) -m vt600_local migration --service $(service) --message "$(m)"
	@$(PY) -m ruff format --quiet services/$(service)/migrations

simulate: environment  ## Drive a further small fleet against the local listener (n=100 trackers)
	@exec $(PY) -m vt600_simulator fleet --count $(n) --first-number 1001 --port $(or $(LISTENER_PORT),8888)

documents: environment  ## Write the generated documents anew (a test says when they are out of date)
	@$(PY) -m vt600_bus asyncapi > docs/bus/asyncapi.json
	@$(PY) -m vt600_bus schema > docs/bus/records.schema.json
	@$(PY) -m vt600_protocol.tools.pages docs/protocol
	@$(PY) -m vt600_local.metrics_page > docs/operations/metrics.md
	@$(PY) -m vt600_local.dashboard > deploy/monitoring/dashboard.json

image:  ## Build the image and print its size (BASE=another base, IMAGE=another name, CA=certificates of a proxy)
	@BASE=$(BASE) IMAGE=$(IMAGE) CA=$(CA) deploy/image/build.sh

image-base:  ## Make a base for the image from Debian's packages, for those who have no registry (root)
	@deploy/image/base.sh

sbom:  ## Write the image's parts list (CycloneDX) to build/sbom.json
	@IMAGE=$(IMAGE) deploy/image/sbom.sh

tools-k8s: environment
	@.venv/bin/uv pip install --quiet --require-hashes --requirement tests/k8s/requirements.lock

manifests: tools-k8s  ## Render every overlay of deploy/k8s and validate each object (needs Go, Maven; seconds once kubectl is there)
	@exec $(PY) tests/k8s/manifests.py

cluster: tools-k8s  ## Start a real Kubernetes of one node on this machine (root; it is built the first time, 20 minutes)
	@exec $(PY) tests/k8s/run.py up

cluster-down: environment  ## Stop that Kubernetes and remove all but what was built
	@exec $(PY) tests/k8s/run.py down

test-k8s: tools-k8s  ## Build the image, then install, update, scale, kill and drain in that Kubernetes (only=NAME for one; BASE, CA as for image)
	@BASE=$(BASE) CA=$(CA) exec $(PY) -u tests/k8s/run.py test $(if $(only),--only $(only))

lock: environment  ## Choose all versions anew and write the locks
	@.venv/bin/uv pip compile --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
		--group dev --no-emit-package vt600-protocol --no-emit-package vt600-bus --no-emit-package vt600-runtime \
		-o requirements.lock -q pyproject.toml libs/*/pyproject.toml services/*/pyproject.toml simulator/pyproject.toml deploy/local/pyproject.toml
	@.venv/bin/uv pip compile --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
		--group fuzz -o libs/protocol/fuzz/requirements.lock -q
	@.venv/bin/uv pip compile --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
		--group k8s -o tests/k8s/requirements.lock -q

check: lint typecheck test  ## What CI runs

clean:  ## Remove the local stack's data, logs, key and Kafka's jars
	@deploy/local/clean.sh
