# Everything a person or a machine does with this checkout; `make` lists it.
# Needed beforehand: make and Python 3.11 or newer. Everything else goes into $(VENV).

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo format style check types house test contract chaos chaos-long bench docs cacert clean system

PYTHON ?= python3
VENV   ?= .venv
HOST   ?= 127.0.0.1
PORT   ?= 8000
ENGINE ?=
JOBS   ?= 2
ARGS   ?=
BAR    ?=

bin       := $(VENV)/bin
packaging := setup.cfg setup.py pyproject.toml
tree      := hagworm tests docs/examples

help:  ## list what can be made
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*  ## /\1\t/' | awk -F '\t' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(VENV)/.has-test  ## this checkout, editable, with what its tests need, into .venv

demo: $(VENV)/.has-demo  ## serve docs/examples/orders on port 8000; ENGINE=tornado swaps the engine, PORT= and HOST= the address
	@exec $(bin)/hagworm run orders.app:app --app-dir docs/examples --host $(HOST) --port $(PORT) $(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

format: $(VENV)/.has-test  ## rewrite the code in the house's format
	$(bin)/ruff format
	$(bin)/ruff check --fix

check: style types house  ## style, types and house; changes nothing

style: $(VENV)/.has-test  ## format and lint, as ruff sees them
	$(bin)/ruff format --check
	$(bin)/ruff check

types: $(VENV)/.has-test  ## mypy --strict over hagworm and the example service
	$(bin)/mypy

house: $(VENV)/.has-test  ## import contracts, and what else every room must keep to
	$(bin)/lint-imports
	$(bin)/pytest -q tests/test_house.py tests/test_exports.py

test: system $(VENV)/.has-test  ## the whole test suite; ARGS="-k name" narrows it
	$(bin)/pytest -n $(JOBS) $(ARGS)

contract: system $(VENV)/.has-test  ## what every engine must do, over real sockets
	$(bin)/pytest -n $(JOBS) tests/contract $(ARGS)

chaos: system $(VENV)/.has-test  ## the reliability bars, their short forms; BAR=r43 runs one
	PYTHONPATH=. $(bin)/python tests/chaos/run_all.py --bar "$(BAR)" $(ARGS)

chaos-long: system $(VENV)/.has-test  ## the long forms of the reliability bars: hours
	PYTHONPATH=. $(bin)/python tests/chaos/run_all.py --long --bar "$(BAR)" $(ARGS)

bench: $(VENV)/.has-test  ## CPU per request, each engine beside its native rival
	$(bin)/python benchmarks/facade.py
	$(bin)/python benchmarks/engines/run.py $(ARGS)

docs: $(VENV)/.has-test  ## write the generated reference pages, run every example, preview the changes
	$(bin)/python docs/reference/generate.py
	$(bin)/pytest -q tests/test_docs.py
	$(bin)/towncrier build --draft --version next

cacert: $(VENV)/.has-test  ## write static/cacert.pem anew: the roots that the installed certifi has
	{ echo "# The certificate authorities that Mozilla trusts, as certifi has them: written by \`make cacert\`, not by hand."; \
	  echo "# This file is under the Mozilla Public License 2.0 (MPL-2.0): https://mozilla.org/MPL/2.0/"; \
	  cat "$$($(bin)/python -m certifi)"; } > static/cacert.pem

clean:  ## remove what can be made again, except .venv
	rm -rf build dist *.egg-info .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks
	find $(tree) static -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "$(PYTHON) is missing or older than 3.11: install one, or say which: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	{ echo "$(PYTHON) cannot make virtual environments here; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# By path, never by name: the package of this name on the public index is an older one.
$(VENV)/.has-%: $(VENV)/.created $(packaging)
	@echo "Installing this checkout and its extra '$*' into $(VENV) ..."
	$(bin)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

# Debian packages that the tests use; without root or apt-get they are named and the tests that need them are skipped.
system:
	@missing=; \
	export PATH="$$PATH:/usr/sbin"; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v chronyd >/dev/null || missing="$$missing chrony"; \
	command -v soffice >/dev/null || missing="$$missing libreoffice-calc-nogui"; \
	command -v mariadbd >/dev/null || missing="$$missing mariadb-server"; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else echo "Not installed, and used by some tests:$$missing (apt-get install$$missing)"; fi
