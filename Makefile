# Every command of the repository. `make` alone lists them. The first use of any sets up what it needs:
# uv in a virtual environment of its own (.bootstrap), the locked dependencies (.venv), and, where a command
# needs the sandbox, its pinned parts, built once into a cache outside the repository.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON3 ?= python3
UV_VERSION := 0.13.9
UV := .bootstrap/bin/uv
PYTHON := .venv/bin/python
SOURCES := contracts/src services deploy/sandbox/src deploy/demo/src bench/src deploy/examples/20-plugin-kind/tidegate_kind_squad deploy/examples/21-plugin-router/tidegate_router_junction
SECONDS ?= 60
CASES ?= 100000
OUT ?= out/bench.json
HELM ?= helm

export UV_PYTHON_DOWNLOADS := never
# Hundreds of processes start in one test run: each would compile a thousand files anew.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup parts kinds ingress mesh demo test test-thorough lint types architecture unit simulate fuzz bench judge-rates expr-differential schemas chart clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | column -t -s $$'\t'

$(UV):
	@$(PYTHON3) -c 'import sys; sys.exit("Tidegate needs Python 3.11 or newer, found " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON3) -m venv .bootstrap
	.bootstrap/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: uv.lock pyproject.toml $(wildcard */pyproject.toml */*/pyproject.toml) | $(UV)
	$(UV) sync --quiet --frozen --python "$$($(PYTHON3) -c 'import sys; print(sys.executable)')"
	@touch $@

setup: .venv/.synced ## Install everything Python into .venv

parts: setup ## Build the sandbox's pinned parts into the cache (the first time: minutes)
	$(PYTHON) -m tidegate_sandbox build

kinds: setup ## The same, with OpenKruise's manager, for the tests of its kinds
	$(PYTHON) -m tidegate_sandbox build --with kruise

ingress: setup ## The same, with Traefik, for the tests of Ingress controllers (minutes more)
	$(PYTHON) -m tidegate_sandbox build --with traefik

mesh: setup ## The same, with istiod, for the tests of a mesh's gateway (ten minutes of processor time more)
	$(PYTHON) -m tidegate_sandbox build --with mesh

demo: parts ## Watch a good version roll out and a bad one go back (KEEP=1 leaves it up)
	$(PYTHON) -m tidegate_demo $(if $(KEEP),--keep)

# Of the long tables (kinds by scenarios, stories by kinds) `test` plays a slice that has every row and every column, and
# of tests that are alike some; `test-wide` plays more of both, and CI runs one after the other. `test-thorough` plays all.
test: PLAYED := and not wide and not thorough
test-wide: PLAYED := and wide
test-thorough: PLAYED :=
test test-thorough: lint types
test-thorough: ingress mesh
test test-wide test-thorough: kinds
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile -m "not alone and not kinds $(PLAYED)"
	$(PYTHON) -m pytest tests/chaos tests/e2e tests/integration tests/simulation -m "alone $(PLAYED)"
	$(PYTHON) -m pytest tests/integration -m "kinds $(PLAYED)"
test: ## Everything that must hold, in a quarter of an hour: lint, types, then tests on real parts
test-wide: ## What CI plays after it: faults of single parts, and more kinds, routers, examples
test-thorough: ## All of both, with every case of the long tables: most of an hour

unit: setup ## The fast tests only
	$(PYTHON) -m pytest tests/unit tests/architecture tests/contract tests/simulation/test_mutants.py

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check --quiet .

types: setup
	.venv/bin/mypy $(SOURCES)

architecture: setup ## Who may import whom
	.venv/bin/lint-imports

simulate: setup ## Seeded schedules of the whole saga with faults: SECONDS=60
	@$(PYTHON) tests/simulation/run.py --seconds $(SECONDS)

fuzz: setup ## A hundred thousand wrong answers for the metric providers: CASES=100000
	@$(PYTHON) tests/fuzz/providers.py --cases $(CASES)

bench: kinds ## The figures, on this machine: OUT=FILE (ONLY=deployments, guards, traffic, analysis or kinds: a part of them)
	$(PYTHON) -m tidegate_bench --out $(OUT) $(if $(ONLY),--only $(ONLY))

judge-rates: setup ## How often a comparison errs, by simulation: the table and the plot of docs/analysis.md
	@mkdir -p out
	$(PYTHON) -m tidegate_bench.judge_rates out
	@cat out/judge-rates.md

expr-differential: setup ## Expressions of Argo's conditions against the real expr (needs Go): COUNT=100000
	$(PYTHON) tests/differential/run.py --count $(or $(COUNT),100000)

schemas: setup ## Write the generated schemas again after a change of the contracts
	$(PYTHON) -m tidegate_contracts.schema write

chart: ## Render the Helm chart again after a change (needs helm: HELM=PATH)
	HELM=$(HELM) deploy/helm/render.sh

clean: ## Remove what was installed here (the cache of built parts stays)
	rm -rf .venv .bootstrap out
