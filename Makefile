# All that is needed: git, make, gcc, and Python 3.11 or 3.12 with pip and venv.
#   make run        from nothing to everything running
#   make run PYTHON=/usr/bin/python3.12 ARGS="--no-example"

UV_VERSION := 0.13.8
BIN := .venv/bin
ARGS ?=
# Nothing is ever uninstalled, so that `make run` and `make test` don't undo each other.
SYNC := $(BIN)/uv sync --frozen --inexact --extra laptop

.DEFAULT_GOAL := help
.PHONY: help install run up down images sbom test test-all check lint format lock proto bench \
  bench-peers clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/.all ## Have everything for developing in .venv, at the locked versions

run: .venv/.run ## Start everything on this machine, with an example; Ctrl-C stops it
	@exec $(BIN)/understudy up $(ARGS)

# Containers need Docker with compose 2.24 or newer, and nothing of Python.
COMPOSE ?= docker compose
REVISION := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
export REVISION
EXAMPLE ?=

up: ## Start everything in containers, EXAMPLE=1 with an example; see docs/compose.md
	@$(COMPOSE) up --build --detach --wait $(ARGS) || { status=$$?; \
	  echo "A port is taken? Set UNDERSTUDY_SERVING_PORT, UNDERSTUDY_SERVING_GRPC_PORT," \
	    "UNDERSTUDY_REGISTRY_PORT, UNDERSTUDY_MONITOR_PORT, PROMETHEUS_PORT," \
	    "ALERTMANAGER_PORT or GRAFANA_PORT (docs/compose.md)." >&2; exit $$status; }
	@if [ -n "$(EXAMPLE)" ]; then $(COMPOSE) run --build --rm example; fi
	@$(COMPOSE) exec -T redis sh -c 'REDISCLI_AUTH="$$(cat /run/secrets/operator)" \
	  redis-cli --user operator acl load >/dev/null' # its users may have changed
	@sh deploy/compose/addresses.sh "$(COMPOSE)"

down: ## Stop the containers; data and keys stay
	$(COMPOSE) --profile '*' down $(ARGS)

images: ## Build the images, and state their sizes
	$(COMPOSE) --profile example build $(ARGS)
	@$(COMPOSE) --profile example config --images | grep '^understudy/' | sort -u \
	  | xargs -n 1 docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}'

sbom: ## Write what each image holds to dist/sbom, as CycloneDX, from uv.lock
	docker build --network $${BUILD_NETWORK:-default} --target sbom --output dist/sbom .

# Real processes share two cores badly, so those tests come one by one.
test: .venv/.dev ## Unit, contract and integration tests
ifeq ($(ARGS),)
	$(BIN)/pytest --numprocesses 2 -m "not slow" tests/unit tests/contract
	$(BIN)/pytest -m "not slow" tests/integration
else
	$(BIN)/pytest -m "not slow" tests/unit tests/contract tests/integration $(ARGS)
endif

# Playwright keeps an event loop in its thread, so the browser comes last and apart from the others.
test-all: .venv/.all test ## All tests: also load, chaos, browser and deployment
	$(BIN)/pytest -m slow tests/unit tests/contract tests/integration
	$(BIN)/pytest -s tests/foreign tests/fuzz tests/load tests/chaos tests/deploy tests/e2e $(ARGS)

check: lint test ## What must be green before a commit

lint: .venv/.all ## Formatting, rules, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev ## Format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/.uv ## Write uv.lock anew from pyproject.toml
	$(BIN)/uv lock --upgrade
	$(BIN)/uv export --quiet --frozen --extra serving --no-dev --no-emit-project --no-hashes \
	  --no-header --no-annotate -o services/serving/requirements.txt

PROTO := services/serving/api/grpc/wire/open_inference.proto

proto: .venv/.dev ## Write the Python code of the gRPC protocol anew from its definition
	$(BIN)/python -m grpc_tools.protoc --proto_path=. --python_out=. --pyi_out=. $(PROTO)

SECONDS ?= 600
fuzz: .venv/.all ## Fuzz what reads bodies for SECONDS (600)
	UNDERSTUDY_FUZZ_SECONDS=$(SECONDS) $(BIN)/pytest -s tests/fuzz

bench: .venv/.dev ## Benchmarks: the path and the log in one process, then a quick look at every peer
	@set -e; for name in path log; do echo "== benchmarks/$$name.py"; \
	  $(BIN)/python -m benchmarks.$$name $(ARGS); done
	@echo "== benchmarks/peers"
	@$(BIN)/python -m benchmarks.peers run quick
	@echo "More: python -m benchmarks.runners, .challenger, .deployments;" \
	  "every question about peers in full: make bench-peers (some hours)"

QUESTIONS ?= peers challenger durability runner deployments features

bench-peers: .venv/.dev ## All questions of docs/benchmarks.md in full; writes its tables anew
	@set -e; for question in $(QUESTIONS); do echo "== $$question"; \
	  $(BIN)/python -m benchmarks.peers run $$question \
	    --out benchmarks/peers/results/$$question.json; done
	@$(BIN)/python -m benchmarks.peers report

clean: ## Remove .venv and caches; the state in ./var stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp says what .venv holds, so that nothing is done twice.
.venv/.run: .venv/.uv pyproject.toml uv.lock
	@echo "Installing Understudy and what it needs to run (once)"
	$(SYNC) --no-dev
	@touch $@

.venv/.dev: .venv/.uv pyproject.toml uv.lock
	@echo "Installing Understudy and what its tests need (once)"
	$(SYNC)
	@touch $@ .venv/.run

.venv/.all: .venv/.dev
	$(SYNC) --all-groups
	@touch $@

.venv/.uv:
	@set -e; found=; \
	suits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))'; \
	for python in $${PYTHON:-$(PYTHON)} python3 python3.12 python3.11; do \
	  if $$python -c "$$suits" 2>/dev/null; then found=$$python; break; fi; \
	  if [ "$$python" = "$(PYTHON)" ]; then \
	    echo "PYTHON=$$python is no Python 3.11 or 3.12." >&2; exit 1; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Understudy needs Python 3.11 or 3.12; python3 is $$(python3 --version 2>&1)." >&2; \
	  echo "Name one: make run PYTHON=/path/to/python3.12" >&2; exit 1; fi; \
	echo "Making .venv with $$($$found --version)"; \
	if ! $$found -m venv .venv; then rm -rf .venv; \
	  echo "That Python can't make virtual environments (Debian: apt install python3-venv)." >&2; \
	  exit 1; fi; \
	$(BIN)/python -m pip install --disable-pip-version-check --quiet uv==$(UV_VERSION)
	@touch $@
