# Everything starts from a clone, Python 3.11 and make; each target sets up what it needs.
# Environments are made from requirements/*.txt, every hash checked.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

# The interpreter for .venv, if the first Python 3.11 that is found is not the one that is meant.
PYTHON ?=
# Processes that pytest uses.
JOBS ?= 2

# What a test can do without becomes required in CI: KPROV_NO_SKIP turns a skip into a failure.
export KPROV_NO_SKIP ?= $(if $(filter-out 0 false,$(CI)),1,)
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export NO_MKDOCS_2_WARNING := 1

IN := .venv/bin
AUTHORING := 3.11 3.12 3.13
PACKAGE := pyproject.toml README.md LICENSE \
	$(shell find provenance components pipelines -type f -not -name '*.pyc')
# make fuzz: how many mutants, of which random numbers (as an earlier run printed them), of which kind;
# MUTANT=FILE judges one again. RUNS is for each target of atheris.
MUTATIONS ?= 100000
SEED ?=
KIND ?=
MUTANT ?=
RUNS ?= 5000
# make ui: which store, and whose signature is believed.
STORE ?= sqlite:demo/metadata.db
KEY ?= demo/signer.pub
PYTEST := -m pytest --timeout=600 --durations=5 --durations-min=2
MAIN_TESTS := tests/unit tests/pipelines tests/attack tests/fuzz tests/packaging tests/authoring

.PHONY: help demo ui test check tools interop drill fuzz bench docs notebooks generate format requirements clean FORCE

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/project ## run, sign and verify the tabular pipeline on real data; all of it is left in demo/
	$(IN)/kprov demo

# The assets come first, for what make links into .venv is what is there then.
ui: ## the runs of the demo as a web page; STORE=URI KEY=PEM for others
	@.ci/web-assets || echo "without them the lineage is a picture that does not move"
	@$(MAKE) --no-print-directory .venv/project
	$(IN)/kprov ui --store $(STORE) --key $(KEY)

test: .venv/project .venv-kfp217/project authoring ## run the tests, with every supported KFP SDK and Python
	.venv-kfp217/bin/python $(PYTEST) -n $(JOBS) --dist loadfile tests/pipelines217
	$(IN)/python $(PYTEST) -n $(JOBS) --dist loadfile $(MAIN_TESTS)

check: .venv/project ## formatting, lint, types, imports, and that generated files fit their sources
	$(IN)/ruff format --check .
	$(IN)/ruff check .
	$(IN)/mypy -p kfp_provenance
	$(IN)/mypy .ci docs/_tools
	$(IN)/lint-imports
	$(IN)/python .ci/check_tree.py
	$(IN)/python .ci/check_requirements.py
	$(IN)/python docs/_tools/generate.py --check
	$(IN)/mkdocs build --quiet --strict --site-dir build/site

tools: ## build the real servers and clients for make interop with the Go toolchain and npm
	@.ci/tools
	@.ci/node-tools

interop: .venv-interop/project .venv-load/project ## run the tests that need real servers: MariaDB, Sigstore, Kubernetes, OpenBao, GCS, peers
	@.ci/debian || { test -z "$(KPROV_NO_SKIP)" && echo "skipped: the tests with programs of Debian"; }
	@.ci/tools || { test -z "$(KPROV_NO_SKIP)" && echo "skipped: the tests with programs that Go builds"; }
	@.ci/node-tools || { test -z "$(KPROV_NO_SKIP)" && echo "skipped: the tests with programs of npm"; }
	.venv-interop/bin/python $(PYTEST) -m interop tests/interop tests/browser
	.venv-load/bin/python $(PYTEST) -m interop tests/loading

drill: .venv/project ## perform every attack on real runs and write docs/drill.md
	$(IN)/python $(PYTEST) -n $(JOBS) --dist loadfile --drill-report docs/drill.md \
		tests/attack/test_drill_files.py tests/attack/test_drill_directories.py tests/attack/test_drill_cluster.py

fuzz: .venv/project .venv-interop/project ## sign, mutate, verify: 100,000 mutants, large documents, atheris; SEED=, KIND=
	PYTHONPATH=tests $(IN)/python -m fuzz --mutations $(MUTATIONS) --seed "$(SEED)" --jobs $(JOBS) \
		--kind "$(KIND)" $(if $(MUTANT),--mutant "$(MUTANT)")
	$(if $(KIND),,PYTHONPATH=tests $(IN)/python -m fuzz.memory)
	$(if $(KIND),,PYTHONPATH=tests $(IN)/python -m fuzz.guided --runs $(RUNS) --seed "$(SEED)" \
		--jobs $(JOBS) --python .venv-interop/bin/python)

bench: .venv-interop/project .venv-load/project ## measure beside the peers and write the tables into docs/reference/benchmarks.md
	.venv-interop/bin/python benchmarks/hashing.py --peer-python $(CURDIR)/.venv-interop/bin/python
	set -e; for script in $(filter-out %/hashing.py %/verification.py %/loading.py,$(wildcard benchmarks/[a-z]*.py)); do \
		.venv-interop/bin/python $$script; done
	.venv-load/bin/python benchmarks/loading.py
	@.ci/tools || { test -z "$(KPROV_NO_SKIP)" && echo "left out: what Go builds"; }
	$(IN)/python benchmarks/verification.py # without the libraries of clouds, which take a second to load

docs: generate ## generate the reference and build the pages into build/site
	$(IN)/mkdocs build --quiet --strict --site-dir build/site
	@echo "build/site/index.html"

notebooks: .venv/project ## run the notebooks of the documentation and keep their results
	$(IN)/python docs/_tools/run_notebooks.py

generate: .venv/project ## write the generated files: component READMEs, reference, pipeline.yaml
	$(IN)/python docs/_tools/generate.py

format: .venv/project ## format the code and mend what ruff can mend
	$(IN)/ruff check --fix-only .
	$(IN)/ruff format .

clean: ## remove everything that make made
	rm -rf build demo site provenance/web/vendor .venv .venv-* .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- environments: DIR/ready holds the dependencies, DIR/project the package too

.venv/ready: requirements/dev.txt requirements/uv.txt .ci/venv
	KPROV_PYTHON="$(PYTHON)" .ci/venv .venv 3.11 requirements/dev.txt
	@touch $@

# Links to the sources: an edit shows at once, a new file when this rule has run again.
.venv/project: .venv/ready pyproject.toml build/files
	PYTHONWARNINGS=ignore $(IN)/python -m pip install --quiet --no-deps --no-build-isolation --force-reinstall \
		--editable . --config-settings editable_mode=strict
	@$(IN)/python -m compileall -q build/__editable__.* # tasks start many a Python, which may not be allowed to
	@touch $@

# The names of the package's files; its time changes only when they do.
build/files: FORCE
	@mkdir -p build && printf '%s\n' $(PACKAGE) | LC_ALL=C sort >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# The other environments hold the wheel, so that it is tested and not only the checkout.
# It lacks the assets of the web page where it was built without Node: once npm is there, it gets them.
ASSETS := .ci/web-assets .ci/web/package-lock.json $(if $(wildcard provenance/web/vendor/*.js),,$(if \
	$(shell command -v npm),FORCE))
build/wheel/built: .venv/ready .ci/wheel $(ASSETS) $(PACKAGE)
	.ci/wheel build/wheel
	@touch $@

.venv-kfp217/ready: requirements/kfp217.txt requirements/mlmd-nodeps.txt | .venv/ready
	KPROV_PYTHON="$(PYTHON)" .ci/venv $(@D) 3.11 $^
	@touch $@

.venv-interop/ready: requirements/interop.txt requirements/gcpkms-nodeps.txt requirements/kserve-nodeps.txt | .venv/ready
	KPROV_PYTHON="$(PYTHON)" .ci/venv $(@D) 3.11 $^
	@touch $@

.venv-load/ready: requirements/load-test.txt | .venv/ready
	KPROV_PYTHON="$(PYTHON)" .ci/venv $(@D) 3.11 $^
	@touch $@

.venv-authoring-%/ready: requirements/kfp217.txt | .venv/ready
	.ci/venv $(@D) $* $^
	@touch $@

.venv-%/project: .venv-%/ready build/wheel/built
	$(@D)/bin/python -m pip install --quiet --no-deps --force-reinstall build/wheel/*.whl
	@touch $@

# Authoring, without ml-metadata, on every Python that there is; in CI all of them are required.
.PHONY: authoring $(AUTHORING:%=authoring-%)
authoring: $(AUTHORING:%=authoring-%)
$(AUTHORING:%=authoring-%): authoring-%: build/wheel/built
	@if [ -n "$(KPROV_NO_SKIP)" ] || .ci/find-python $* >/dev/null; then \
		$(MAKE) --no-print-directory .venv-authoring-$*/project && \
		.venv-authoring-$*/bin/python $(PYTEST) tests/authoring; \
	else echo "skipped: python$* was not found: authoring is not tested with it"; fi

# --- lock files, without addresses

COMPILE = $(IN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url $(UPGRADE)

requirements: .venv/ready ## make the lock files anew; UPGRADE=--upgrade takes newer versions
	$(COMPILE) pyproject.toml --extra mlmd -c requirements/limits.in -o requirements/runtime.txt
	$(COMPILE) requirements/build.in -c requirements/runtime.txt -o requirements/build.txt
	$(COMPILE) pyproject.toml --extra mlmd --extra demo --extra vault --extra in-toto --extra oms --extra ui --extra gate requirements/dev.in \
		-c requirements/runtime.txt -c requirements/build.txt -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra mlmd --extra demo --extra vault --extra in-toto --extra oms --extra ui --extra gate \
		--extra awskms --extra azurekms requirements/interop.in \
		-c requirements/dev.txt -o requirements/interop.txt
	$(COMPILE) pyproject.toml requirements/kfp217.in -o requirements/kfp217.txt
	$(COMPILE) requirements/gcpkms-nodeps.in --no-deps -o requirements/gcpkms-nodeps.txt
	$(COMPILE) requirements/mlmd-nodeps.in --no-deps -o requirements/mlmd-nodeps.txt
	$(COMPILE) pyproject.toml --extra load -c requirements/limits.in -o requirements/load.txt
	$(COMPILE) pyproject.toml --extra load requirements/load-test.in -c requirements/load.txt -o requirements/load-test.txt
	$(COMPILE) requirements/uv.in -c requirements/dev.txt -o requirements/uv.txt
