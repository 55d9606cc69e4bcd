# Needs nothing but Python 3.11 or later: uv is fetched into .tools, everything else into .venv.
PYTHON ?= python3
UV := .tools/bin/uv
UV_VERSION := 0.13.8
BIN := .venv/bin
DEMO ?= build/demo

.PHONY: demo demo-photos experiments test lint format bench docs ci wheel-test lock clean

# What `make demo` and `make test` stand on; remade when the lock or the project changes.
INSTALLED := .venv/.installed

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(INSTALLED): requirements.lock pyproject.toml | $(UV)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

demo: $(INSTALLED)        ## the whole path on drawn photos, with its page in build/demo
	rm -rf $(DEMO)
	$(BIN)/mumic demo $(DEMO)

demo-photos: $(INSTALLED) ## make demo-photos PHOTOS=FOLDER: the same commands on real photos
	$(if $(PHOTOS),,$(error say which photos: make demo-photos PHOTOS=FOLDER, with images/ and labels.jsonl in it))
	rm -rf build/demo-photos
	$(BIN)/python -m mumic.demo.photos "$(PHOTOS)" build/demo-photos

experiments: $(INSTALLED) ## the paper's comparisons on drawn photos, three seeds; goes on where it was
	$(BIN)/python -m mumic.demo.experiments build/experiments$(if $(QUICK),-quick --quick)
	$(if $(QUICK),,$(BIN)/python -m docs.build build/experiments/experiments.json)

test: $(INSTALLED)        ## all tests
	$(BIN)/python -m pytest

lint: $(INSTALLED)        ## style, types and the layers of the design
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)       ## make bench NAME=index [QUICK=1]
	QUICK=$(QUICK) $(BIN)/python -m benchmarks.$(NAME)

docs: $(INSTALLED)        ## the parts of docs/ that come from the code
	$(BIN)/python -m docs.build

wheel-test: $(INSTALLED)  ## a wheel with what it declares, and no more, outside the repository
	rm -rf build/wheel && mkdir -p build/wheel
	$(UV) build --quiet --wheel --out-dir build/wheel .
	$(UV) venv --quiet --python $(PYTHON) build/wheel/env
	$(UV) pip install --quiet --compile-bytecode --python build/wheel/env/bin/python \
	  --constraints requirements.lock build/wheel/*.whl
	outside=$$(mktemp -d) && here=$$PWD && cd $$outside && \
	  $$here/build/wheel/env/bin/mumic demo --quick demo && rm -rf $$outside
	rm -rf build/wheel/env

ci: lint test wheel-test

lock: | $(UV)             ## pin every dependency for every platform
	$(UV) pip compile --quiet --universal --generate-hashes --no-annotate --no-emit-index-url \
	  --no-emit-find-links --python-version 3.11 --group dev --custom-compile-command "make lock" \
	  --output-file requirements.lock pyproject.toml

clean:
	rm -rf build .venv .tools
