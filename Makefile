PYTHON ?= python3
ENV ?= dev
BOOTSTRAP = $(PYTHON) tools/bootstrap.py

.DEFAULT_GOAL := help
.PHONY: help demo test synth bench check notebook reference snapshots lint format types layer lock setup clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Set up what is missing and run the whole way on the local twin
	@$(BOOTSTRAP) deploy twin hub serve node model layer-host
	@.venv/bin/python -m local.demo

test: ## Set up what is missing and pass the tests
	@$(BOOTSTRAP) dev twin hub serve sdk scan node model layer-host layer-lambda
	@.venv/bin/python tools/test.py

synth: ## Print the templates of one environment for review: make synth ENV=prod
	@$(BOOTSTRAP) deploy layer-lambda
	@.venv/bin/python tools/synth.py --env $(ENV)

bench: ## Measure the verified pull beside its peers (minutes, a quiet machine, nginx); QUICK=1 only tries it
	@$(BOOTSTRAP) dev hub bench
	@.venv/bin/python -m bench $(if $(QUICK),--quick --rounds 1) $(if $(PUBLISH),--publish)

check: ## Synthesize all environments twice, compare, cfn-lint, cdk-nag
	@$(BOOTSTRAP) dev layer-lambda
	@.venv/bin/python tools/check_templates.py

notebook: ## Execute the notebook on the twin and keep its outputs in the file
	@$(BOOTSTRAP) twin hub sdk model
	@.envs/sdk/bin/python tools/notebook.py --write >/dev/null

reference: ## Write docs/reference and docs/props.md from signatures and docstrings
	@$(PYTHON) -m tools.reference

snapshots: ## Write the templates anew that tests/templates/snapshots keeps for review
	@$(BOOTSTRAP) deploy layer-lambda
	@.venv/bin/python tools/snapshots.py

lint: ## ruff
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

format: ## Format the code
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

types: ## mypy --strict
	@.venv/bin/mypy

layer: ## Build the Lambda layer from locks/layer.txt
	@$(BOOTSTRAP) layer-lambda

setup: ## Set up everything without running anything
	@$(BOOTSTRAP) dev twin hub serve sdk scan node model layer-host layer-lambda

lock: ## Resolve the lock files anew from requirements*.in and locks/*.in (needs uv)
	@$(PYTHON) tools/lock.py

clean: ## Remove what was built (environments, layers, the demo's state)
	rm -rf .venv .envs .build node_modules cdk.out
