#!/usr/bin/env bash
# A build by the other compiler, with other optimisation: the same predictions of a model but for rounding, and training
# that ends within a stated bound.
set -eu
if [ "${RECRYST_FULL-}" != 1 ]; then
    echo "SKIPPED: a second build takes a while; make test sets RECRYST_FULL=1"
    exit 77
fi
if ! command -v clang >/dev/null || ! command -v gcc >/dev/null; then
    [ "${CI-}" = true ] && echo "clang or gcc is missing (tools/setup.sh --dev)" && exit 1
    echo "SKIPPED: clang and gcc are not both installed (tools/setup.sh --dev)"
    exit 77
fi
if grep -q '^RECRYST_SANITIZE:.*=..*' "$RECRYST_BUILD/CMakeCache.txt"; then
    echo "SKIPPED: with sanitizers"
    exit 77
fi
. "$RECRYST_SOURCE/tests/cli/support.sh"
other=$RECRYST_SOURCE/build-clang
if ! grep -qi '^CMAKE_C_COMPILER:.*clang' "$RECRYST_BUILD/CMakeCache.txt"; then
    [ -e "$other/build.ninja" ] || cmake -S "$RECRYST_SOURCE" -B "$other" -G Ninja -DCMAKE_C_COMPILER=clang \
        -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_FLAGS_RELEASE='-O1 -DNDEBUG' >"$work/out" 2>&1 || fail "cmake with clang"
else
    other=$work/build
    cmake -S "$RECRYST_SOURCE" -B "$other" -G Ninja -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++ >"$work/out" 2>&1 || fail "cmake with gcc"
fi
ninja -C "$other" recryst >"$work/out" 2>&1 || fail "the other build"
frames 200 "$work/train.extxyz"
# apart A B COLUMN: the largest difference between columns of two tables with the same first column.
apart() {
    paste -d, "$1" "$2" | awk -F, -v k="$3" 'NR > 1 { n = NF / 2; if ($1 != $(n + 1)) exit 1
        d = $k - $(n + k); if (d < 0) d = -d; if (d > most) most = d } END { printf "%.2e", most }'
}
bounded() { awk -v x="$1" -v y="$2" 'BEGIN { exit !(x + 0 <= y + 0) }' || fail "$3: $1 is more than $2"; }
n_sets=0
for kernels in ref base avx2 avx512; do
    "$RECRYST" train "$work/train.extxyz" --target formation_energy --epochs 10 --batch-size 32 --quiet --kernels $kernels \
        --out "$work/one-$kernels" >"$work/out" 2>"$work/err" || {
        case $kernels in avx*) grep -q "this processor can't run kernels '$kernels'" "$work/err" && continue ;; esac
        fail "training with $kernels"
    }
    "$other/recryst" train "$work/train.extxyz" --target formation_energy --epochs 10 --batch-size 32 --quiet --kernels $kernels \
        --out "$work/two-$kernels" >"$work/out" 2>"$work/err" || fail "training by the other build with $kernels"
    run 0 predict "$work/one-$kernels" "$data/alloys.extxyz" --kernels $kernels --out "$work/one.csv"
    "$other/recryst" predict "$work/one-$kernels" "$data/alloys.extxyz" --kernels $kernels --out "$work/two.csv" \
        2>"$work/err" || fail "the other build can't predict with the model"
    predicted=$(apart "$work/one.csv" "$work/two.csv" 2)
    run 0 predict "$work/two-$kernels" "$data/alloys.extxyz" --kernels $kernels --out "$work/trained.csv"
    trained=$(apart "$work/one.csv" "$work/trained.csv" 2)
    echo "$kernels: predictions of one model differ by $predicted eV/atom at most, those of two trainings by $trained"
    bounded "$predicted" 1e-6 "predictions by two builds, $kernels"
    bounded "$trained" 1e-3 "predictions after training by two builds, $kernels"
    n_sets=$((n_sets + 1))
done
[ $n_sets -ge 2 ] || fail "$n_sets sets of kernels were compared"
echo passed
