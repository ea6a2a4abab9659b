#!/usr/bin/env bash
# `make coverage`: which lines and branches of src/ the tests run (gcc, gcov).  A table by room, then what is not covered, by name.
# usage: tools/coverage.sh [BUILD [REGEX]]      REGEX: of ctest's names; counts add up to those of earlier runs of the same build
# Status 1 when a test fails, or when fewer than 90 % of the lines outside the command are covered.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build-coverage}
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DRECRYST_COVERAGE=ON -DRECRYST_DOUBLE_TESTS=OFF ${CMAKE_OPTIONS-} \
    >"$build.log" 2>&1 || {
    cat "$build.log" >&2
    exit 1
}
mv "$build.log" "$build/cmake.log"
ninja -C "$build" >"$build/ninja.log" || {
    tail -n 30 "$build/ninja.log" >&2
    exit 1
}
[ -n "${2-}" ] || find "$build" -name '*.gcda' -delete
status=0
ctest --test-dir "$build" -j"${JOBS:-$(nproc)}" --output-on-failure --no-tests=error -E '^checks\.' ${2:+-R "$2"} >"$build/ctest.log" 2>&1 || {
    tail -n 40 "$build/ctest.log" >&2
    status=1
}
PYTHONDONTWRITEBYTECODE=1 python3 tools/coverage.py "$build" --least 90 || status=1
exit $status
