# The two commands: `make demo` and `make test`. Each does all its own set-up.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# The extras for training, for the Sonic model and for the measures of the field need PyTorch;
# TRAIN= leaves them out, and their tests skip and say so.
TRAIN ?= train,sonic,evaluate

.PHONY: demo test lint bench bench-lips bench-smooth bench-sonic bench-sync gallery clean

demo: $(VENV)/.base
	$(BIN)/opensonic demo -o demo.mp4

test: $(VENV)/.dev lint
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/type_check.py
	$(BIN)/lint-imports

bench: $(VENV)/.base
	$(BIN)/python benchmarks/speed.py

# docs/lips.md says what ARGS can be.
bench-lips: $(VENV)/.dev
	$(BIN)/python -m benchmarks.lips $(ARGS)

# docs/smooth.md says what ARGS can be.
bench-smooth: $(VENV)/.dev
	$(BIN)/python -m benchmarks.smooth $(ARGS)

# docs/sync.md says what ARGS can be.
bench-sync: $(VENV)/.dev
	$(BIN)/python -m benchmarks.sync $(ARGS)

bench-sonic: $(VENV)/.dev
	$(BIN)/python -m benchmarks.sonic $(ARGS)

# docs/gallery.md says what else ARGS can be; PORTRAITS is a folder of pictures.
gallery: $(VENV)/.dev
	$(BIN)/python -m benchmarks.gallery --portraits $(PORTRAITS) --out gallery $(ARGS)

$(BIN)/python:
	bash tools/make_venv.sh $(PYTHON) $(VENV)

$(VENV)/.base: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/.dev: $(VENV)/.base constraints.txt tools/debian_packages.sh
	bash tools/debian_packages.sh
	$(BIN)/python -m pip install --quiet -c constraints.txt --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt --group dev -e ".$(if $(TRAIN),[$(TRAIN)])"
	touch $@

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
