#!/usr/bin/env bash
# `make fuzz`: every fuzz target under libFuzzer with the address and undefined-behaviour sanitizers (clang).
# usage: tools/fuzz.sh [RUNS [JOBS [TARGET...]]]      default: 20000 runs of each, as many at once as there are cores, all targets
# Work is cut into rounds, and what has been run of the present sources is remembered in build-fuzz/fuzz/, so that a long
# campaign may be stopped at any time and goes on where it was.  Inputs found by earlier rounds are kept as further seeds.
# FUZZ_RECORD=tests/fuzz/campaign.csv: goes on with what the committed record has of the present sources, from whatever machine,
# and writes there (tools/campaign.py, which also puts its table into docs/testing.md).
# FUZZ_COMPARE=0: without the callbacks at comparisons, which suggest values to libFuzzer and cost up to half of the time: for
# the length of a campaign, after a first part with them.  The same sanitizers and the same count; built in build-fuzz/plain.
# A crash, hang, leak or too much memory ends with status 1; the input lies in build-fuzz/fuzz/TARGET/.
# Prints a table; FUZZ_TABLE=FILE also writes it there, for docs/testing.md.
set -eu
cd "$(dirname "$0")/.."
runs=${1:-20000}
jobs=${2:-$(nproc)}
shift $(($# < 2 ? $# : 2))
build=build-fuzz
state=$PWD/$build/fuzz
. tools/fuzz_rounds.sh
[ -z "$fuzz_flags" ] || build=$build/plain
export FUZZ_SANITIZER=address+undefined
# Stacks of allocations, and memory kept after it was freed, cost a fifth of the time: an input that was found has all of it when it
# is run again without these options.
export ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=4:allocator_may_return_null=1:malloc_context_size=1}

command -v clang >/dev/null || {
    echo "fuzz: clang is needed (tools/setup.sh --dev installs it)" >&2
    exit 1
}
mkdir -p "$state"
# shellcheck disable=SC2086
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DRECRYST_FUZZ=ON \
    -DRECRYST_DOUBLE_TESTS=OFF ${fuzz_flags:+-DCMAKE_C_FLAGS=$fuzz_flags -DCMAKE_CXX_FLAGS=$fuzz_flags} ${CMAKE_OPTIONS-} >"$state/cmake.log" 2>&1 || {
    cat "$state/cmake.log" >&2
    exit 1
}
targets=${*:-$(cd tests/fuzz && for f in fuzz_*.c; do f=${f#fuzz_}; echo "${f%.c}"; done)}
# shellcheck disable=SC2086
ninja -C $build $(printf 'tests/libfuzz_%s ' $targets) >"$state/ninja.log" || {
    tail -n 50 "$state/ninja.log" >&2
    exit 1
}

status=0
# shellcheck disable=SC2086
printf '%s\n' $targets | xargs -P "$jobs" -I {} bash -c 'fuzz_one "$@"' _ {} "$runs" "$state" "$build/tests/libfuzz_{}" || status=1
{
    echo '| target | runs | seconds | edges covered | inputs kept |'
    echo '|---|---:|---:|---:|---:|'
    for target in $targets; do
        if [ -f "$state/$target/row" ]; then cat "$state/$target/row"; fi
    done
} | tee ${FUZZ_TABLE:+"$FUZZ_TABLE"}
[ $status -eq 0 ] || echo "fuzz: at least one target failed" >&2
exit $status
