#!/usr/bin/env bash
# `make valgrind`: the C tests under valgrind's memcheck, which fail at any invalid access, use of an uninitialised value, or leak.
# usage: tools/valgrind.sh [BUILD [REGEX]]      JOBS: how many at once (all cores); RECRYST_KERNELS is set to avx2, since
# valgrind knows no AVX-512.  RECRYST_VALGRIND=1 tells tests whose number of cases is chosen for a bare processor to take fewer.
# Left out, by name, and why: faults.* (they make every allocation fail in turn: hours), fuzz.* run 20 mutations of each seed
# instead of 2,000, *.f64 (the same code as the single-precision tests), shell programs (they start processes by the hundred).
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
wanted=${2:-.}
command -v valgrind >/dev/null || {
    echo "valgrind: it is not installed (Debian: valgrind)" >&2
    exit 1
}
state=$build/valgrind
mkdir -p "$state"
export RECRYST_VALGRIND=1 RECRYST_KERNELS=avx2 RECRYST_SOURCE=$PWD RECRYST_BUILD=$PWD/$build RECRYST=$PWD/$build/recryst
RECRYST_SHARED=$(sed -n 's/^RECRYST_SHARED:[A-Z]*=//p' "$build/CMakeCache.txt")
export RECRYST_SHARED

check_one() {
    local name=$1 program=$2 state=$3 begin code=0 arguments=()
    case "$name" in fuzz.*) arguments=("tests/fuzz/corpus/${name#fuzz.}" -n 20) ;; esac
    begin=$(date +%s)
    valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect,possible --suppressions=tools/valgrind.supp --gen-suppressions=all \
        --trace-children=no --log-file="$state/$name.%p.log" "$program" "${arguments[@]}" >"$state/$name.out" 2>&1 || code=$?
    printf '%s %d %d\n' "$name" "$code" $(($(date +%s) - begin)) >"$state/$name.row"
    case $code in
    0) find "$state" -name "$name.*.log" -delete ;;
    77) ;;
    *)
        echo "valgrind: $name FAILED with status $code" >&2
        cat "$state/$name".*.log | head -n 60 >&2
        tail -n 15 "$state/$name.out" >&2
        ;;
    esac
}
export -f check_one

tests=$(ctest --test-dir "$build" -N | sed -nE 's/^ +Test +#[0-9]+: (.*)$/\1/p' | grep -vE '^(faults|checks)\.|_sh$|\.f64$' | grep -E "$wanted")
rm -f "$state"/*.row "$state"/*.log
# shellcheck disable=SC2086
printf '%s\n' $tests | nice -n 19 xargs -P "${JOBS:-$(nproc)}" -I {} bash -c 'check_one "$@"' _ {} "$build/tests/{}" "$state"
cat "$state"/*.row | awk '{ n++; if ($2 == 0) clean++; else if ($2 == 77) skipped++; else { bad++; print $1 " failed" } seconds += $3 }
    END { printf "valgrind: %d programs, %d clean, %d skipped, %d failed; %d seconds of one core\n", n, clean, skipped, bad, seconds; exit bad > 0 }'
