# A front for CMake and Ninja: `make help` lists what it does.
BUILD ?= build
PREFIX ?= /usr/local
CMAKE_OPTIONS ?=

.DEFAULT_GOAL := build
# One test more at once than there are cores: some only wait, for a server or for time to pass.
CTEST = ctest -j$$(($$(nproc) + 1)) --output-on-failure --no-tests=error

.PHONY: build setup report all demo bench test checks sanitize tsan msan valgrind coverage python-docs sbom fuzz torture soak aarch64 format install clean help

help:
	@echo 'make            install what is missing (Debian packages) and build the recryst command in $(BUILD)/'
	@echo 'make demo       build, train on the bundled alloys, score, predict single files: two to three minutes'
	@echo 'make report     what make needs for the page of recryst report (Node.js, npm), then make with it'
	@echo 'make bench      compare with PyTorch and pymatgen (installs them in .venv), write docs/performance.md: a quarter of an hour'
	@echo 'make test       build everything and run all tests and checks'
	@echo 'make checks     only the checks of the sources: rooms, headers, format, symbols, ...'
	@echo 'make sanitize   the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer, in build-asan/'
	@echo 'make fuzz       every reader under libFuzzer with sanitizers; RUNS=10000000 for the long campaign (resumable)'
	@echo 'make torture    faults, kills and power cuts at every call that writes; 100,000 files; half an hour (resumable)'
	@echo 'make soak       prepare, train, predict in turn in one process for SOAK_SECONDS=3600; memory must not grow'
	@echo 'make tsan       the tests that use threads under ThreadSanitizer, in build-tsan/'
	@echo 'make msan       readers without foreign libraries under MemorySanitizer, in build-msan/'
	@echo 'make valgrind   the tests under valgrind, leaks included; half an hour'
	@echo 'make coverage   lines and branches that the tests run, in build-coverage/'
	@echo 'make python-docs  the pages of the Python package (Sphinx, from PyPI) in $(BUILD)/python-docs/'
	@echo 'make sbom       a bill of materials of what was built: $(BUILD)/recryst.cdx.json'
	@echo 'make aarch64    build for 64-bit ARM in build-aarch64/, run kernel and other tests under qemu (tools/setup.sh --dev)'
	@echo 'make format     lay out the sources with clang-format'
	@echo 'make install    install command, library and header below PREFIX=$(PREFIX) (DESTDIR is honoured)'
	@echo 'make clean      remove the build folders; runs/ stays'

setup:
	@bash tools/setup.sh

$(BUILD)/build.ninja: | setup
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release $(CMAKE_OPTIONS)

# Options that are given hold for a folder that is configured already, too.
ifneq ($(strip $(CMAKE_OPTIONS)),)
.PHONY: again
$(BUILD)/build.ninja: again
endif

# The command and the shared library; the tests are built by `make test`.
build: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) recryst recryst_shared

# The page of `recryst report`; a page that could not be made before is tried again.
report: setup
	@bash tools/setup.sh --report
	@rm -f $(BUILD)/report-page.html
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release -DRECRYST_REPORT=ON $(CMAKE_OPTIONS) >/dev/null
	@ninja -C $(BUILD) recryst recryst_shared

all: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD)

demo: build
	@bash tools/demo.sh $(BUILD)/recryst

bench: build
	@bash bench/run.sh $(BUILD) $(BENCH_OPTIONS)

test: all
	@RECRYST_FULL=1 $(CTEST) --test-dir $(BUILD)

checks: all
	@RECRYST_FULL=1 $(CTEST) --test-dir $(BUILD) -R '^checks\.'

# The checks read the sources, and the double-precision tests run the same code: neither is repeated here.
sanitize: setup
	@cmake -S . -B build-asan -G Ninja -DCMAKE_BUILD_TYPE=Release -DRECRYST_SANITIZE=address,undefined \
	  -DRECRYST_DOUBLE_TESTS=OFF -DRECRYST_REPORT=OFF $(CMAKE_OPTIONS)
	@ninja -C build-asan
	@$(CTEST) --test-dir build-asan -E '^checks\.'

# RUNS of each target; what has been run is remembered in build-fuzz/, so a long campaign can be stopped and goes on.
fuzz:
	@bash tools/setup.sh --dev
	@CMAKE_OPTIONS='$(CMAKE_OPTIONS)' bash tools/fuzz.sh $(or $(RUNS),20000)

# What has been run is remembered in $(BUILD)/torture.json.
torture: all
	@bash tools/torture.sh $(BUILD)

soak: all
	@$(BUILD)/tests/soak $(or $(SOAK_SECONDS),3600)

# The tests that use threads, under ThreadSanitizer.
tsan: setup
	@bash tools/tsan.sh build-tsan

# The readers that need no foreign library, under MemorySanitizer (clang): seeds, mutations, RUNS of libFuzzer
# (remembered in build-msan/, so a long campaign can be stopped and goes on).
msan:
	@bash tools/setup.sh --dev
	@bash tools/msan.sh build-msan $(or $(RUNS),20000)

# The test-suite under valgrind's memcheck, leaks included: a quarter of an hour and more.
valgrind: all
	@bash tools/valgrind.sh $(BUILD)

coverage: setup
	@bash tools/coverage.sh build-coverage

# The interface of the Python package as pages; RECRYST_VENV may name an environment that has Sphinx.
python-docs: build
	@bash tools/python_docs.sh $(BUILD)

# A software bill of materials of what was built (CycloneDX).
sbom: build
	@python3 tools/sbom.py $(BUILD) >$(BUILD)/recryst.cdx.json.part && mv $(BUILD)/recryst.cdx.json.part $(BUILD)/recryst.cdx.json
	@echo "$(BUILD)/recryst.cdx.json"

aarch64: build
	@bash tools/aarch64.sh build-aarch64 $(BUILD)

format:
	@bash tools/format.sh

install: build
	@cmake -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	@cmake --install $(BUILD)

clean:
	@rm -rf $(BUILD) build-clang build-asan build-aarch64 build-fuzz build-tsan build-msan build-coverage
