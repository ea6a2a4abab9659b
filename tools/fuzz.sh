#!/usr/bin/env bash
# `make fuzz`: every fuzz target under libFuzzer with the address and undefined-behaviour sanitizers (clang).
# usage: tools/fuzz.sh [RUNS [JOBS [TARGET...]]]      default: 20000 runs of each, as many at once as there are cores, all targets
# Work is cut into rounds, and what has been run of the present sources is remembered in build-fuzz/fuzz/, so that a long
# campaign may be stopped at any time and goes on where it was.  Inputs found by earlier rounds are kept as further seeds.
# A crash, hang, leak or too much memory ends with status 1; the input lies in build-fuzz/fuzz/TARGET/.
# Prints a table; FUZZ_TABLE=FILE also writes it there, for docs/testing.md.
set -eu
cd "$(dirname "$0")/.."
runs=${1:-20000}
jobs=${2:-$(nproc)}
shift $(($# < 2 ? $# : 2))
build=build-fuzz
state=$PWD/$build/fuzz
export ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=16:allocator_may_return_null=1}

command -v clang >/dev/null || {
    echo "fuzz: clang is needed (tools/setup.sh --dev installs it)" >&2
    exit 1
}
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DRECRYST_FUZZ=ON \
    -DRECRYST_DOUBLE_TESTS=OFF ${CMAKE_OPTIONS-} >$build.log 2>&1 || {
    cat $build.log >&2
    exit 1
}
mkdir -p "$state"
mv $build.log "$state/cmake.log"
targets=${*:-$(cd tests/fuzz && for f in fuzz_*.c; do f=${f#fuzz_}; echo "${f%.c}"; done)}
# shellcheck disable=SC2086
ninja -C $build $(printf 'tests/libfuzz_%s ' $targets) >"$state/ninja.log" || {
    tail -n 50 "$state/ninja.log" >&2
    exit 1
}

# One target up to its number of runs.  What counts as run is bound to the program's bytes.
fuzz_one() {
    local target=$1 runs=$2 state=$3 program=$4
    local dir=$state/$target key done_runs=0 seconds=0 round begin
    mkdir -p "$dir/corpus"
    # Debug lines and the build's identity name folders; they are left out.
    strip -R .note.gnu.build-id -o "$dir/stripped" "$program"
    key=$(sha256sum "$dir/stripped" | cut -c 1-32)
    rm "$dir/stripped"
    [ ! -f "$dir/$key" ] || read -r done_runs seconds <"$dir/$key"
    while [ "$done_runs" -lt "$runs" ]; do
        round=$((runs - done_runs < 250000 ? runs - done_runs : 250000))
        begin=$(date +%s)
        if ! "$program" "$dir/corpus" "tests/fuzz/corpus/$target" -runs="$round" -max_len=8192 -timeout="${FUZZ_TIMEOUT:-20}" \
            -rss_limit_mb=2048 -malloc_limit_mb=1024 -print_final_stats=1 -verbosity=1 -reload=0 \
            -artifact_prefix="$dir/" >"$dir/log" 2>&1; then
            echo "fuzz: $target FAILED after $done_runs runs; its log is $dir/log" >&2
            grep -E 'ERROR|runtime error|SUMMARY|Test unit written' "$dir/log" >&2 || tail -n 5 "$dir/log" >&2
            return 1
        fi
        done_runs=$((done_runs + round))
        seconds=$((seconds + $(date +%s) - begin))
        echo "$done_runs $seconds" >"$dir/$key"
    done
    printf '| %s | %d | %d | %s | %d |\n' "$target" "$done_runs" "$seconds" \
        "$(grep -oE 'cov: [0-9]+' "$dir/log" | tail -n 1 | cut -c 6-)" "$(find "$dir/corpus" -type f | wc -l)" >"$dir/row"
    echo "fuzz: $target $done_runs runs, clean" >&2
}
export -f fuzz_one

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
