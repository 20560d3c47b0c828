# `make demo` and `make test` need python3 (3.11 or newer, with venv) and make, and a network the first time only.
# Another interpreter: `make test PYTHON=python3.13`. One file: `make test PYTEST_ARGS="tests/test_servers.py -x"`.

SHELL := /bin/sh
PYTHON ?= python3
PORT ?= 8000
PYTEST_ARGS ?= -n 2 --cov --cov-report=term

# Only relative paths below: the folder's own name may hold spaces, or anything else.
BIN := .venv/bin

# A comma that does not end an argument of `call`.
, := ,

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test bench format clean venv

help:
	@echo "make demo    serve an agent and the console on lifelike data (PORT=$(PORT))"
	@echo "make test    format, lint, types, import contracts and tests"
	@echo "make bench   measure, beside a baseline"
	@echo "make format  let ruff lay out the code"
	@echo "make clean   remove everything that make made"

# $(call install,name,extras): installs the package once, and again when its requirements change.
# setuptools comes first and builds without isolation, so that a second run asks no registry.
define install
@wanted="$$(cat setup.cfg pyproject.toml | cksum)"; \
if [ "$$(cat .venv/installed-$(1) 2>/dev/null)" != "$$wanted" ]; then \
	echo "== Installing into .venv (only the first time, and when setup.cfg changes)"; \
	{ $(BIN)/python -m pip install --quiet --disable-pip-version-check 'setuptools>=77' \
	&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e '.$(2)'; } \
	|| { echo "make: installing failed; see above. The first run needs a network." >&2; exit 1; }; \
	echo "$$wanted" > .venv/installed-$(1); \
fi
endef

# $(call step,title,command,advice)
define step
@echo "== $(1)"; $(2) || { echo "make: stopped at '$(1)'. $(3)" >&2; exit 1; }
endef

# An environment remembers where it was made: its programs hold that path and break when the folder moves.
venv:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "make: there is no '$(PYTHON)'. Install Python 3.11 or newer, or say PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: '$(PYTHON)' is $$("$(PYTHON)" -V 2>&1); 3.11 or newer is needed. Say PYTHON=python3.11, say." >&2; exit 1; }
	@made_in="$$(cat .venv/made-in 2>/dev/null || pwd)"; \
	if [ "$$made_in" != "$$(pwd)" ] || ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
			echo "make: '$(PYTHON)' has no venv. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
		echo "== Making .venv"; rm -rf .venv; \
		"$(PYTHON)" -m venv .venv || { rm -rf .venv; echo "make: .venv could not be made; see above." >&2; exit 1; }; \
	fi; \
	pwd > .venv/made-in

demo: venv
	$(call install,demo,[demo])
	@PORT="$(PORT)" exec $(BIN)/python examples/demo.py

test: venv
	$(call install,test,[all$(,)test])
	$(call step,Format,$(BIN)/ruff format --check .,'make format' lays the code out.)
	$(call step,Lint,$(BIN)/ruff check .,Each line above names its rule; 'ruff rule S608' explains one.)
	$(call step,Types,$(BIN)/mypy,)
	$(call step,Import contracts,$(BIN)/lint-imports,The layers stand in setup.cfg.)
	$(call step,Tests,$(BIN)/python -m pytest $(PYTEST_ARGS),)
	@echo "== Everything passed"

bench: venv
	$(call install,bench,[dev])
	@$(BIN)/python -m benchmarks

format: venv
	$(call install,test,[all$(,)test])
	@$(BIN)/ruff check --fix-only --quiet .; $(BIN)/ruff format .

clean:
	rm -rf .venv .demo build dist *.egg-info .coverage .coverage.* htmlcov
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
