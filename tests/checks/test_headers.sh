#!/usr/bin/env bash
# Every header compiles alone: as C11 and C17 (one by gcc, the other by clang, where both are there), and as C++17 unless
# it uses something that C++ lacks.
set -u
cd "$RECRYST_SOURCE" || exit 1
# C++17 lacks <stdatomic.h>; the insides of the kernels are included by C sources alone.
c_only() {
    case "$1" in train/* | cli/signals.h | cli/train_view.h | kernels/ref/* | kernels/cpu/*) return 0 ;; *) return 1 ;; esac
}
FLAGS="-Wall -Wextra -Wpedantic -Werror -fsyntax-only -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE"
# The headers of the SIMD kernels are compiled for one instruction set at a time.
FLAGS="$FLAGS -DRCR_VARIANT=base -DRCR_VARIANT_base=1 -Iinclude -Isrc"

c_compilers="" cxx_compilers=""
for compiler in gcc clang; do command -v $compiler >/dev/null && c_compilers="$c_compilers $compiler"; done
for compiler in g++ clang++; do command -v $compiler >/dev/null && cxx_compilers="$cxx_compilers $compiler"; done
[ -n "$c_compilers" ] || c_compilers="cc"
[ -n "$cxx_compilers" ] || echo "no C++ compiler: headers are checked as C only"
if [ "${CI-}" = true ]; then
    for compiler in gcc clang g++ clang++; do
        command -v $compiler >/dev/null || {
            echo "$compiler is missing (tools/setup.sh --dev)"
            exit 1
        }
    done
fi

failed=0
headers=0
alone() { # compiler language standard header
    # shellcheck disable=SC2086
    echo "#include \"$4\"" | $1 -x $2 -std=$3 $FLAGS - || {
        echo "^ $4 does not compile alone: $1 -std=$3"
        failed=1
    }
}
for header in recryst.h $(cd src && find . -name '*.h' | sort | sed 's|^\./||'); do
    headers=$((headers + 1))
    # shellcheck disable=SC2086
    set -- $c_compilers
    alone "$1" c c11 "$header"
    alone "${2-$1}" c c17 "$header"
    c_only "$header" && continue
    # shellcheck disable=SC2086
    set -- $cxx_compilers
    [ $# -eq 0 ] || alone "$1" c++ c++17 "$header"
done
echo "$headers headers with$c_compilers$cxx_compilers"
exit $failed
