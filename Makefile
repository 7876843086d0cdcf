# SPDX-License-Identifier: MIT
# Everything that is done from a checkout. `make help` lists it. No target needs hardware.
PYTHON ?= python3
FUZZ_S ?= 600
CUTS ?= 1000000
FAULTS ?= 200000
PULLS ?= 10000
LIES ?= 100000
UPLINK ?= 10000
FLEET_S ?= 600
RATE ?= 143
SEED ?= 1
# Many tests wait for a clock or a line: two more than there are cores.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 2)
# An emulated chip takes a core.
CHIPS ?= $(shell nproc 2>/dev/null || echo 2)
BIN := .venv/bin
VENV := .venv/.stamp
# What the demo needs; what the tests need has all of it.
DEMO := .venv/.demo
TYPINGS := build/typings/.stamp

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-again test-chip test-chip-quick test-chip-heap bench bench-fleet campaign fuzz lint fmt messages types district measured size bundle offline wheel clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  make %-15s %s\n' "$$name" "$$what"; done

demo: $(DEMO) ## a virtual node from bare flash to a picture on the laptop, in a minute
	$(BIN)/python -m tirta.demo

test: lint types ## lint, type checks and every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

# At most three: more than that is no matter of chance.
test-again: $(VENV) ## those that failed last, one after the other (what passes here is unsteady: mend it)
	$(BIN)/python tests/support/run_again.py

test-chip: $(VENV) ## the genuine MicroPython image on an emulated ESP32 (CONTRIBUTING.md); skips without one
	$(BIN)/python -m pytest -n $(CHIPS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS) --measured chip tests/chip

test-chip-quick: export TIRTA_CHIP_CUTS ?= 2
test-chip-quick: $(VENV) ## the same in ten minutes: flash, boot, commands, kernels, two power cuts
	$(BIN)/python -m pytest -n $(CHIPS) --dist loadfile --no-loadscope-reorder -m quick --measured chip_quick tests/chip

test-chip-heap: $(VENV) ## free heap there with each kind of sensor, half an hour
	$(BIN)/python -m pytest -n $(CHIPS) $(PYTEST_ARGS) -m campaign --measured chip_heap tests/chip

lint: $(VENV) ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

fmt: $(VENV) ## format the sources, and repair what ruff can repair
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV) ## every figure of the log beside its peers: a table, and build/bench.json
	PYTHONPATH=tests/support $(BIN)/python tests/bench/run.py
	$(MAKE) measured

bench-fleet: $(VENV) ## FLEET_S (600) seconds of RATE (143) identities each through brokers, one is killed, to a centre in two parts; a national minute
	FLEET_S=$(FLEET_S) RATE=$(RATE) PYTHONPATH=tests/support:tests/bench $(BIN)/python tests/bench/fleet_load.py

district: $(VENV) ## bursts of towns and of L-Town, other orders of leaks, each parameter a quarter off (a quarter of an hour)
	$(BIN)/python tests/bench/district_tables.py
	$(MAKE) measured

campaign: $(VENV) ## a million power cuts (CUTS, from SEED on; goes on where it stopped), flipped bits, FAULTS of a flash that errs, PULLS over bad lines, LIES, UPLINK faults, then fuzz
	PYTHONPATH=tests/bench $(BIN)/python tests/support/run_campaign.py $(CUTS) $(SEED)
	PYTHONPATH=tests/bench $(BIN)/python tests/support/run_flash_campaign.py $(FAULTS) $(SEED)
	$(BIN)/python -m pytest -m campaign --measured checks
	PYTHONPATH=tests/bench $(BIN)/python tests/support/run_link_campaign.py $(PULLS) $(SEED)
	PYTHONPATH=tests/bench $(BIN)/python tests/support/run_lies_campaign.py $(LIES) $(SEED)
	PYTHONPATH=tests/bench $(BIN)/python tests/support/run_uplink_campaign.py $(UPLINK) $(SEED)
	$(MAKE) measured
	$(MAKE) fuzz

fuzz: $(VENV) ## coverage-guided fuzzing of the decoder for FUZZ_S seconds (600); goes on from build/corpus
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --target build/fuzz 'atheris>=3,<4'
	PYTHONPATH=build/fuzz $(BIN)/python tests/fuzz/fuzz_decode.py build/corpus -max_total_time=$(FUZZ_S)

messages: $(VENV) ## bring the catalogues of the commands' messages up to date with the sources
	$(BIN)/python host_tools/make_messages.py

types: $(VENV) $(TYPINGS) ## mypy: the laptop's code, and the firmware against the ESP32 port's stubs
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/firmware-mypy.ini

measured: $(VENV) ## bring what bench, size, campaign and test-chip last measured into docs/MEASURED.md
	$(BIN)/python tests/bench/measured.py

size: $(VENV) ## bytes of flash per module and board, heap left on the virtual node
	$(BIN)/python tests/bench/size.py

bundle: $(VENV) ## build/bundles: what `tirta update` takes, one file a board; KEY=FILE signs them
	$(BIN)/tirta bundle build --out build/bundles $(if $(KEY),--sign $(KEY))

offline: $(VENV) ## build/offline: wheels and firmware for a USB stick; TARGETS="linux-3.11 windows-3.12"
	$(BIN)/pip install --quiet --disable-pip-version-check 'uv>=0.9,<0.14'
	$(BIN)/python host_tools/make_offline.py $(TARGETS)

wheel: $(VENV) ## dist/*.whl and dist/*.tar.gz
	$(BIN)/python -m hatchling build

clean: ## remove everything that these targets made
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV): pyproject.toml
	@$(MAKE) --no-print-directory .venv/bin/python
	@echo "Installing what the tests need into .venv: about 1.5 GB, some minutes the first time."
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[virtual,dev]'
	@touch $(DEMO) $@

$(DEMO): pyproject.toml
	@$(MAKE) --no-print-directory .venv/bin/python
	@echo "Installing Tirta into .venv: about 500 MB, a minute or two the first time."
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[receive,virtual]'
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Tirta needs Python 3.11 or newer. Name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python cannot make environments. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# Type stubs of the ESP32 port. Not in .venv: there they would shadow the laptop's own modules (CONTRIBUTING.md).
$(TYPINGS): $(VENV) Makefile
	rm -rf build/typings
	$(BIN)/pip install --quiet --disable-pip-version-check --target build/typings 'micropython-esp32-stubs>=1.29,<1.30'
	@touch $@
