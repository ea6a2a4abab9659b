#!/usr/bin/env bash
# `make tsan`: the tests in which threads meet, under ThreadSanitizer.
# usage: tools/tsan.sh [BUILD [REGEX]]      default: build-tsan, the tests below; REGEX: of ctest's names; JOBS: tests at once
set -eu
cd "$(dirname "$0")/.."
build=${1:-build-tsan}
# The pool, the host's threads beside it, the reader that parses ahead, the store, training with its loader, ensembles, the command and its signals.
tests='^(base\.threads|embed\.(threads|host)|api\.api|io\.(reader|splitter)|graph\.packed|data\.store|train\.(train|resume)|model\.(predict|embed|ensemble|explain)|study\.execute|cli\.(prepare|stream)_sh)$'
tests=${2:-$tests}
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DRECRYST_SANITIZE=thread -DRECRYST_DOUBLE_TESTS=OFF \
    -DRECRYST_REPORT=OFF ${CMAKE_OPTIONS-} >"$build.log" 2>&1 || {
    cat "$build.log" >&2
    exit 1
}
mv "$build.log" "$build/cmake.log"
targets=$(ctest --test-dir "$build" -N -R "$tests" | sed -nE 's/^ +Test +#[0-9]+: (.*)$/\1/p')
[ -n "$targets" ] || {
    echo "tsan: no test fits $tests" >&2
    exit 1
}
# shellcheck disable=SC2086
ninja -C "$build" recryst recryst_shared $(printf '%s\n' $targets | grep -v '_sh$') >"$build/ninja.log" || {
    tail -n 30 "$build/ninja.log" >&2
    exit 1
}
export TSAN_OPTIONS="halt_on_error=1:exitcode=66:suppressions=$PWD/tools/tsan.supp:${TSAN_OPTIONS-}"
ctest --test-dir "$build" -j"${JOBS:-$(nproc)}" --output-on-failure --no-tests=error -R "$tests"
