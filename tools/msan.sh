#!/usr/bin/env bash
# `make msan`: readers under MemorySanitizer (clang), which sees every use of a value that was never set: each target over its
# seeds with 2,000 mutations of each (as ctest runs it), then RUNS inputs of libFuzzer's.  As in tools/fuzz.sh, what has been run of
# the present sources is remembered (BUILD/fuzz/), so that a long campaign may be stopped and goes on; JOBS: targets at once.
# usage: tools/msan.sh [BUILD [RUNS [TARGET...]]]      default: build-msan, 20000, all that can be run
# The sanitizer must see every byte that is written, so a library that it did not compile gives false alarms.  Readers that need
# none, or so little of one that its results can be declared set (tests/fuzz/msan_foreign.c), run as they are.  The others are
# linked with libraries that tools/msan_libraries.sh has compiled under the sanitizer, and are left out where BUILD/libraries is
# not complete.  toml's parser is C++: the strings of the standard library are compiled here (_GLIBCXX_ASSERTIONS), and of
# the little that is left in its binary (inserting into trees, streams) msan_foreign.c declares the results set.
# FUZZ_COMPARE=0: without the callbacks at comparisons, as in tools/fuzz.sh; what that has found (build-fuzz/fuzz/) is taken as seeds.
# MSAN_ORIGINS=1 tells where a value that is not set came from, at half the speed: for explaining what was found.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build-msan}
runs=${2:-20000}
shift $(($# < 2 ? $# : 2))
own="aims cif csv extxyz graph_record poscar toml"
with_libraries="archive asedb checkpoint elements fetch_folder fetch_page json_structure optimade pickle reader_cif reader_csv reader_json
  run_checkpoint run_folder safetensors split store_parts structure study_table write"
libraries=$build/libraries
targets=$own
rooms="base crystal io graph data"
link="" built=""
if [ -f "$libraries/lib/libarchive.a" ]; then # the last of them
    targets="$own $with_libraries"
    rooms="$rooms kernels kernels/ref model exchange fetch train report study"
    link="-L$libraries/lib -ljansson -lsqlite3 -llmdb -larchive -lzstd -llzma -lbz2 -lz"
    built="| $(echo "$libraries"/lib/*.a)" # linked anew when one of them is
else
    echo "msan: left out (tools/msan_libraries.sh $libraries compiles what they need):" $with_libraries
fi
targets=${*:-$targets}
. tools/fuzz_rounds.sh
command -v clang >/dev/null || {
    echo "msan: clang is needed (tools/setup.sh --dev installs it)" >&2
    exit 1
}
mkdir -p "$build"
cat >"$build/build.ninja" <<END
builddir = $build
cflags = -O1 -gline-tables-only -Iinclude -Isrc -Itests -I/usr/include/spglib -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -fsanitize=memory $
  ${MSAN_ORIGINS:+-fsanitize-memory-track-origins} -fno-omit-frame-pointer -fno-sanitize-recover=all -fno-math-errno -ffp-contract=off $
  -ffunction-sections -fdata-sections -w
wrap = -Wl,--wrap=spg_get_spacegroup_type,--wrap=spg_get_symmetry_from_database,--wrap=SHA256Transform$
  ,--wrap=_ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_,--wrap=_ZNSi10_M_extractIdEERSiRT_$
  ,--wrap=_ZNSt7__cxx1118basic_stringstreamIcSt11char_traitsIcESaIcEEC1Ev
rule c
  command = ${MSAN_LAUNCHER-} clang \$cflags -std=c17 -fsanitize=fuzzer-no-link $fuzz_flags -MD -MF \$out.d -c \$in -o \$out
  depfile = \$out.d
  deps = gcc
rule cpp
  command = ${MSAN_LAUNCHER-} clang++ \$cflags -std=c++17 -fsanitize=fuzzer-no-link $fuzz_flags -D_GLIBCXX_ASSERTIONS -MD -MF \$out.d $
    -c \$in -o \$out
  depfile = \$out.d
  deps = gcc
rule ar
  command = rm -f \$out && ar crs \$out \$in
rule link
  command = clang++ \$cflags \$engine -Wl,--gc-sections \$wrap \$in $link -lsymspg -lmd -lm -lpthread -ldl -o \$out
END
objects=""
for source in $(for room in $rooms; do echo src/"$room"/*.c; done) src/io/toml.cpp tests/fuzz/msan_foreign.c tests/fuzz/run_corpus.c; do
    object=$build/$(printf '%s' "$source" | tr / _).o
    echo "build $object: ${source##*.} $source"
    case $source in src/*) objects="$objects $object" ;; esac
done >>"$build/build.ninja"
echo "build $build/librecryst.a: ar $objects" >>"$build/build.ninja"
foreign=$build/tests_fuzz_msan_foreign.c.o
for target in $targets; do
    echo "build $build/fuzz_$target.o: c tests/fuzz/fuzz_$target.c"
    echo "build $build/seeds_$target: link $build/fuzz_$target.o $build/tests_fuzz_run_corpus.c.o $foreign $build/librecryst.a $built"
    echo "build $build/libfuzz_$target: link $build/fuzz_$target.o $foreign $build/librecryst.a $built"
    echo "  engine = -fsanitize=fuzzer"
done >>"$build/build.ninja"
# shellcheck disable=SC2046
ninja -f "$build/build.ninja" $(printf "$build/seeds_%s $build/libfuzz_%s " $(for t in $targets; do echo "$t $t"; done)) >"$build/ninja.log" || {
    tail -n 40 "$build/ninja.log" >&2
    exit 1
}

state=$PWD/$build/fuzz
export FUZZ_SANITIZER=memory FUZZ_SEEDS=$PWD/build-fuzz/fuzz FUZZ_TIMEOUT=60 FUZZ_MEMORY=3072 FUZZ_ROUND=${FUZZ_ROUND:-100000}
run_one() {
    local target=$1 build=$2 runs=$3 state=$4
    mkdir -p "$state/$target"
    if ! "$build/seeds_$target" "tests/fuzz/corpus/$target" >"$state/$target/seeds.log" 2>&1; then
        echo "msan: $target FAILED; $state/$target/seeds.log" >&2
        grep -E -A 12 'WARNING: MemorySanitizer|ERROR|SUMMARY' "$state/$target/seeds.log" | head -n 40 >&2
        return 1
    fi
    fuzz_one "$target" "$runs" "$state" "$build/libfuzz_$target" 2>"$state/$target/said" || {
        cat "$state/$target/said" >&2
        return 1
    }
    echo "msan: $target, $(head -n 1 "$state/$target/seeds.log"); $(sed -E 's/.* ([0-9]+) runs, clean/\1/' "$state/$target/said") runs of libFuzzer, clean"
}
export -f run_one
status=0
# shellcheck disable=SC2086
printf '%s\n' $targets | xargs -P "${JOBS:-$(nproc)}" -I {} bash -c 'run_one "$@"' _ {} "$build" "$runs" "$state" || status=1
{
    echo '| target | runs | seconds | edges covered | inputs kept |'
    echo '|---|---:|---:|---:|---:|'
    for target in $targets; do
        if [ -f "$state/$target/row" ]; then cat "$state/$target/row"; fi
    done
} | tee ${FUZZ_TABLE:+"$FUZZ_TABLE"}
exit $status
