#!/usr/bin/env bash
# `make valgrind`: the C tests under valgrind's memcheck, which fail at any invalid access, use of an uninitialised value, or leak.
# usage: tools/valgrind.sh [BUILD [REGEX]]      JOBS: how many at once (all cores); RECRYST_KERNELS is set to avx2, since
# valgrind knows no AVX-512.  fuzz.* run MUTATIONS=20 of each seed instead of 2,000.
# Left out, and named in what is printed: programs that take more than ten seconds on the bare processor, unless LONG=1; faults.*
# (every allocation fails in turn: hours), *.f64 (the code of the single-precision tests), shell programs (they start hundreds of
# processes).
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
export RECRYST_KERNELS=avx2 RECRYST_VALGRIND=1 RECRYST_SOURCE=$PWD RECRYST_BUILD=$PWD/$build RECRYST=$PWD/$build/recryst
RECRYST_SHARED=$(sed -n 's/^RECRYST_SHARED:[A-Z]*=//p' "$build/CMakeCache.txt")
export RECRYST_SHARED

check_one() {
    local name=$1 program=$2 state=$3 begin code=0 arguments=()
    case "$name" in fuzz.*) arguments=("tests/fuzz/corpus/${name#fuzz.}" -n "${MUTATIONS:-20}") ;; esac
    begin=$(date +%s)
    find "$state" -name "$name.*.log" -delete # of an earlier run
    valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --errors-for-leak-kinds=definite,indirect,possible --suppressions=tools/valgrind.supp --gen-suppressions=all \
        --trace-children=no --keep-debuginfo=yes --log-file="$state/$name.%p.log" "$program" "${arguments[@]}" >"$state/$name.out" 2>&1 || code=$?
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
long='^(model\.(parity|predict)|exchange\.import_bad|kernels\.(variants|gradients|semantics)|graph\.(fast|edge_cases|invariance)|embed\.host|data\.(store|store_damage|formats|dataset)|crystal\.cells|base\.text|train\.(resume|train)|io\.write)$'
if [ "${LONG-}" != 1 ]; then
    echo "valgrind: left out (LONG=1 runs them):" $(printf '%s\n' $tests | grep -E "$long")
    tests=$(printf '%s\n' $tests | grep -vE "$long")
fi
printf '%s\n' $tests | sed "s|.*|$state/&.row|" | xargs rm -f
# shellcheck disable=SC2086
printf '%s\n' $tests | nice -n "${NICE:-19}" xargs -P "${JOBS:-$(nproc)}" -I {} bash -c 'check_one "$@"' _ {} "$build/tests/{}" "$state"
# Of these alone: what an earlier call left says nothing of the present programs.  One without a row never came to its end.
printf '%s\n' $tests | sed "s|.*|$state/&.row|" | xargs cat 2>/dev/null | awk -v want="$(printf '%s\n' $tests | grep -c .)" '
    { n++; if ($2 == 0) clean++; else if ($2 == 77) skipped++; else { bad++; print $1 " failed" } seconds += $3 }
    END {
        printf "valgrind: %d programs, %d clean, %d skipped, %d failed; %d seconds of one core\n", n, clean, skipped, bad, seconds
        if (n != want) printf "valgrind: %d programs were to be run: some have said nothing\n", want
        exit bad > 0 || n != want
    }'
