#!/usr/bin/env bash
# Everything, the programs of bench/ as well, compiles with clang without a warning too (flags of CMakeLists.txt, -Werror); in build-clang/.
set -u
if [ "${RECRYST_FULL-}" != 1 ]; then
    echo "SKIPPED: a second build takes a while; make test sets RECRYST_FULL=1"
    exit 77
fi
if ! command -v clang >/dev/null; then
    [ "${CI-}" = true ] && echo "clang is missing (tools/setup.sh --dev)" && exit 1
    echo "SKIPPED: clang is not installed (tools/setup.sh --dev)"
    exit 77
fi
cd "$RECRYST_SOURCE" || exit 1
grep -qi '^CMAKE_C_COMPILER:.*clang' "$RECRYST_BUILD/CMakeCache.txt" && echo "this build is clang's" && exit 0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# -O1 is enough for every warning, and quick.
cmake -S . -B build-clang -G Ninja -DRECRYST_DOUBLE_TESTS=OFF -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ \
    -DCMAKE_C_FLAGS_RELEASE='-O1 -DNDEBUG' -DCMAKE_CXX_FLAGS_RELEASE='-O1 -DNDEBUG' >"$log" 2>&1 ||
    { cat "$log"; exit 1; }
ninja -C build-clang all bench_programs
