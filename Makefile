PYTHON   ?= python3
PROVIDER ?=
KYMA     ?= auto
ARGS     ?=
WORKERS  ?= 3

BIN   := .venv/bin
READY := .venv/installed
PACKAGES := harness module/eventing_manager module/kubeloop

.DEFAULT_GOAL := help
.PHONY: help run-dev stop verify test test-long lint unit coverage scenarios scenarios-builtin scenarios-real test-containers parity bench tools template lock reference format clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run-dev: $(READY) ## Bring up a cluster with the Eventing module in it, and verify it (PROVIDER=, KYMA=real|builtin|auto)
	@$(BIN)/kyma-harness up $(if $(PROVIDER),--provider $(PROVIDER)) --kyma $(KYMA) $(ARGS)

stop: $(READY) ## Take that cluster away again, with everything of it
	@$(BIN)/kyma-harness down

verify: $(READY) ## Check the running cluster against what the module promises
	@$(BIN)/kyma-harness verify

test: tools ## Prove all of it, side by side: lint, unit and harness tests, scenarios with every pair of managers at hand
	@echo "lint, unit tests and scenarios run beside one another; what each has to say comes when it is done"
	@$(MAKE) --no-print-directory --jobs --keep-going --output-sync=target unit lint scenarios

test-long: test ## Prove it at length as well: every kill point, minutes of idleness, a thousand Eventings (about an hour)
	$(BIN)/pytest -m long $(ARGS)

lint: $(READY) ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

unit: tools ## Run the tests of the module and of the harness (WORKERS=, each with 1 GB of clusters)
	$(BIN)/pytest -m "not long" -n $(WORKERS) --durations=10 $(ARGS)

coverage: tools ## Run them once more, and show which lines none of them runs (costs half as much again)
	$(BIN)/pytest -m "not long" -n $(WORKERS) --cov --cov-report=term:skip-covered $(ARGS)

scenarios: scenarios-builtin scenarios-real ## Run the scenarios with the built-in managers, and with the real ones of $KYMA_DIST

scenarios-builtin: tools
	$(BIN)/pytest scenarios --kyma=builtin --harness-evidence=.harness-evidence/scenarios-builtin $(ARGS)

scenarios-real: tools
	@if [ -n "$${KYMA_DIST:-}" ]; then set -x; $(BIN)/pytest scenarios --kyma=real --harness-evidence=.harness-evidence/scenarios-real $(ARGS); \
	else echo "KYMA_DIST is not set: the scenarios run with the built-in lifecycle managers only"; fi

test-containers: tools ## Run the scenarios with pods as containers: by Docker, or in the cluster of $KYMA_HARNESS_CONTEXT
	@providers="$$($(BIN)/kyma-harness doctor --containers)"; \
	if [ -z "$$providers" ]; then echo "no provider with containers can run here: the reasons stand above"; exit 1; fi; \
	for provider in $$providers; do (set -x; $(BIN)/pytest scenarios --harness-provider=$$provider $(ARGS)) || exit 1; done

parity: tools ## Hold the built-in managers against what the real ones did (KYMA_DIST: against those as well), and write the table
	$(BIN)/python -m hack.parity --output docs/reference/parity.md $(ARGS)

bench: tools ## Hold the main job's parts to their budgets
	$(BIN)/python hack/bench/budgets.py

tools: $(READY)
	@$(BIN)/kyma-harness tools $(if $(KYMA_DIST),--also kustomize)

template: $(READY) ## Write module-template.yaml anew from the module
	@$(BIN)/kyma-harness bundle --dry-run --output module-template.yaml

lock: $(READY) ## Pin anew, by hash, what module/Dockerfile installs (after a change of dependencies)
	@$(BIN)/python -m hack.lock

reference: $(READY) ## Write docs/reference/cli.md and conformance.md anew
	@$(BIN)/python hack/reference.py > docs/reference/cli.md
	@$(BIN)/python hack/conformance.py > docs/reference/conformance.md

format: $(READY) ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## Remove what the build made in this folder (the tools' cache stays)
	rm -rf .venv .venv.lock .coverage .*_cache dist build

$(READY): pyproject.toml $(PACKAGES:=/pyproject.toml) constraints.txt hack/bootstrap.py
	@$(PYTHON) hack/bootstrap.py
