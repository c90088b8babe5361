# make export | test | toolchains | validate | lint | bench | conformance | planting | clean-venv
#
#   make export              set up .venv if needed, then write the Core ML artifact to dist/coreml/
#   make test                ruff, mypy and the tests;  ARGS="tests/avatar -k selfie" narrows them
#   make toolchains          Swift, Kotlin and exiftool for the SDKs' tests (Debian, as root; some
#                            5 GB, once); without them `make test` skips those and says so
#   make validate            python -m eval: do the artifacts in dist/ do what PyTorch does?
#   make lint                ruff and mypy
#   make bench               every benchmark, each prints its numbers
#   make conformance         the Core ML runtime: coremltools' own tests of ops and of its torch
#                            front end, and 10,000 mutants; the tests of published Swift and Kotlin
#                            packages, where there are Swift and Kotlin
#   make planting            evaluation: defects planted into good artifacts, which it must catch and
#                            name, and harmless changes, which it must pass
#
# Variables:
#   TORCH=cpu      PyTorch's CPU build (on Linux, without some 4 GB of CUDA libraries); the
#                  default, pypi, is PyPI's build. The choice sticks to the .venv it was made for;
#                  naming the other one later builds the .venv anew.
#   TORCH_INDEX    where the CPU build comes from, for those who mirror it.
#   PYTHON         the Python, 3.11 or newer, that makes .venv.
#   TOOLCHAINS     where Swift goes (default: .toolchains); Kotlin's libraries go to ~/.m2.
#   ARGS           further arguments of the command that the target runs.

VENV := .venv
TORCH ?= $(patsubst $(VENV)/.ready-%,%,$(firstword $(wildcard $(VENV)/.ready-*) pypi))
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(shell command -v $(p))) python3)
BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(TORCH)
DROP_HALF_INSTALLED := for info in $(VENV)/lib/python3*/site-packages/*.dist-info; do \
  [ -f "$$info/INSTALLER" ] || rm -rf "$$info"; done
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check
PIP := $(INSTALL) -c constraints.txt

ifeq ($(filter $(TORCH),pypi cpu),)
$(error TORCH is "$(TORCH)", expected pypi or cpu)
endif

.PHONY: export test toolchains toolchain-swift toolchain-kotlin validate lint bench conformance planting clean-venv
.DELETE_ON_ERROR:

export: $(READY)
	$(BIN)/python -m export coreml $(ARGS)

test: lint
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
	  --no-loadscope-reorder $(ARGS)

toolchains: toolchain-swift toolchain-kotlin

toolchain-swift toolchain-kotlin: toolchain-%:
	sdk_bindings/toolchains/$*.sh

validate: $(READY)
	$(BIN)/python -m eval $(ARGS)

lint: $(READY)
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: $(READY)
	@for name in $(basename $(notdir $(wildcard benchmarks/*.py))); do \
	  echo "== $$name"; $(BIN)/python -m benchmarks.$$name $(ARGS) || exit 1; done

conformance: $(READY)
	$(BIN)/python -m tests.coreml_runtime.fuzz --count 10000
	COREML_RUNTIME_PAIRS=all $(BIN)/python -m pytest tests/coreml_runtime/ops
	SDK_PUBLISHED=1 $(BIN)/python -m pytest tests/sdk_bindings/test_swift.py \
	  tests/sdk_bindings/test_kotlin.py -k published
	$(BIN)/python -m pytest -p tests.coreml_runtime.conformance -o addopts= -W ignore -q \
	  --tb=short --show-capture=no --pyargs coremltools.converters.mil.mil.ops.tests $(ARGS)
	$(BIN)/python -m pytest -p tests.coreml_runtime.conformance -o addopts= -W ignore -q \
	  --tb=short --show-capture=no \
	  --pyargs coremltools.converters.mil.frontend.torch.test.test_torch_ops $(ARGS)

planting: $(READY)
	$(BIN)/python -m tests.eval.planting $(ARGS)

clean-venv:
	rm -rf $(VENV)

# A stamp is written only after its step has succeeded, so an interrupted set-up goes on where it
# was. A package that was being unpacked then has no INSTALLER file yet: it is unpacked again.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "make: $(PYTHON) is not Python 3.11 or newer; name one with PYTHON=..." >&2; exit 1; }
	@$(DROP_HALF_INSTALLED)
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(READY): constraints.txt pyproject.toml | $(VENV)/.created
ifneq ($(filter-out $(READY),$(wildcard $(VENV)/.ready-*)),)
	rm -rf $(VENV)
	$(MAKE) TORCH=$(TORCH) $@
else
	@$(DROP_HALF_INSTALLED)
	@echo "setting up $(VENV): several minutes, once" >&2
	$(PIP) setuptools
ifeq ($(TORCH),cpu)
	$(INSTALL) --no-deps --index-url $(TORCH_INDEX) "torch$$(sed -n 's/^torch\(==.*\)/\1+cpu/p' constraints.txt)"
endif
	$(PIP) --no-build-isolation -e '.[test]'
	@touch $@
endif
