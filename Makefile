# Two commands for a newcomer: `make demo` and `make test`. Everything lands in .venv and var/.
VENV := .venv
UV   := $(VENV)/uv/bin/uv
PY   := $(VENV)/bin/python
RUN  := $(VENV)/.run.stamp
DEV  := $(VENV)/.dev.stamp
export PYTHONDONTWRITEBYTECODE ?= 1

.PHONY: demo test check bench accurate streams hsm verifier lock clean help setup setup-dev
help:            ## say what the targets do
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' Makefile | sed 's/:.*##/  /'

demo: $(RUN)     ## run the main job on 30,000 real card customers, into var/demo
	@$(VENV)/bin/fiduciary demo

test: $(DEV)     ## install what the tests need and run all of them
	@bash tools/system_packages.sh
	@bash tools/node_packages.sh $(VENV)
	@$(PY) -m pytest -q -n 2 --dist loadfile $(PYTEST_ARGS)

check: $(DEV)    ## ruff, mypy --strict, import-linter, deptry, meta-tests
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy tests benchmarks tools
	$(VENV)/bin/lint-imports
	$(VENV)/bin/deptry .
	$(PY) -m pytest -q tests/meta

bench: $(DEV)    ## measure beside the peers and write docs/reference/performance.md
	$(PY) -m benchmarks

accurate: $(RUN) ## install the language models of the detection profile `accurate`
	@$(UV) pip install -q --python $(PY) --require-hashes -r requirements/accurate.txt

streams: $(RUN)  ## install the message brokers' clients for `fiduciary consume`
	@$(UV) pip install -q --python $(PY) --require-hashes -r requirements/streams.txt

hsm: $(RUN)      ## install the client of PKCS #11 devices, for signing keys in an HSM
	@$(UV) pip install -q --python $(PY) --require-hashes -r requirements/hsm.txt

verifier: $(RUN) ## build dist/audit-verify.pyz, which checks evidence with Python and cryptography alone
	@$(PY) tools/build_verifier.py dist/audit-verify.pyz

lock: $(UV)      ## lock the dependencies again, with hashes
	bash tools/lock.sh $(UV)

setup: $(RUN)
setup-dev: $(DEV)

$(UV): requirements/uv.txt tools/bootstrap.sh
	@bash tools/bootstrap.sh $(VENV)
	@touch $(UV)

$(RUN): $(UV) requirements/run.txt requirements/build.txt pyproject.toml
	@echo "Installing Fiduciary into $(VENV) (hash-checked) ..."
	@$(UV) pip install -q --compile-bytecode --python $(PY) --require-hashes -r requirements/build.txt -r requirements/run.txt
	@$(UV) pip install -q --python $(PY) --no-deps --no-build-isolation -e .
	@$(PY) -m compileall -q audit privacy policies service
	@touch $(RUN)

$(DEV): $(RUN) requirements/dev.txt
	@echo "Installing the test tools into $(VENV) (hash-checked) ..."
	@$(UV) pip install -q --compile-bytecode --python $(PY) --require-hashes -r requirements/dev.txt
	@touch $(DEV)

clean:           ## remove the environment and the demo's data
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
