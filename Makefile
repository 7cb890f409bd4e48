# Everything runs in .venv, made by the first command that needs it: READY is the service, TOOLS adds what
# tests and checks need.
PYTHON ?= python3
VENV := .venv
PEERS := .venv-peers
ROUNDS ?= 3
# Three at a time on two cores: most of them wait for something, and all of a file share their service.
# The files in their order: those that take long come first.
PYTEST := $(VENV)/bin/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder
ALONE := $(VENV)/bin/python -m pytest -q --lf --lfnf=none
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools

.PHONY: run test test-all check bench bench-peers soak clean

run: $(READY)
	@exec $(VENV)/bin/python app.py

test: $(TOOLS)
	@$(PYTEST)

# Real clocks, processes and browsers, three at a time: what fails beside others has to pass alone.
test-all: $(TOOLS) check
	@$(PYTEST) -m "slow or not slow" || \
	  { echo "Once more, alone: what failed."; $(ALONE) -m "slow or not slow"; }

check: $(TOOLS)
	@$(VENV)/bin/ruff format --check -q app.py jobs tests
	@$(VENV)/bin/ruff check -q app.py jobs tests
	@$(VENV)/bin/mypy app.py jobs tests

bench: $(TOOLS)
	@$(VENV)/bin/python -m tests.bench

# Beside other job libraries, in a Python of their own; with Redis, if it is installed.
bench-peers: $(TOOLS) $(PEERS)/.ready
	@$(VENV)/bin/python -m tests.bench.peers $(PEERS)/bin/python --rounds $(ROUNDS)

soak: $(TOOLS)
	@$(VENV)/bin/python -m tests.faults.kill9 --cycles 200

clean:
	rm -rf $(VENV) $(PEERS) tests/foreign/node_modules tests/browser/node_modules dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Stepstream needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install -q --disable-pip-version-check -e '.[fast]'
	@touch $(READY)

$(TOOLS): $(READY) tests/foreign/package-lock.json tests/browser/package-lock.json
	@echo "Adding the tools for tests ..."
	@$(VENV)/bin/pip install -q --disable-pip-version-check -e '.[fast,dev]'
	@npm ci --prefix tests/foreign --silent --no-audit --no-fund || \
	  echo "npm could not install node's eventsource: the tests that read with it are skipped."
	@npm ci --prefix tests/browser --silent --no-audit --no-fund || \
	  echo "npm could not install axe-core: the tests of the panel's accessibility are skipped."
	@touch $(TOOLS)

$(PEERS)/.ready:
	@echo "Setting up $(PEERS) ..."
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/pip install -q --disable-pip-version-check huey arq saq typing_extensions rq redis hiredis
	@touch $(PEERS)/.ready
