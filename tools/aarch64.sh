#!/usr/bin/env bash
# Builds recryst for 64-bit ARM with Debian's cross compiler and runs tests of it under qemu's user mode: the kernels (NEON against
# plain C, operation by operation), the rooms below them.  Then predicts with a model that was
# trained here, which must say the same on both machines.  Nothing is installed: libraries for ARM are fetched into BUILD/sysroot.
# usage: tools/aarch64.sh [--all] [BUILD [NATIVE_BUILD]]      (build-aarch64, build)
#   --all: also the tests that take minutes under the emulator: every shape, gradients by finite differences,
#     the networks against the reference program, whole rooms
# environment: JOBS, how many things at a time (all cores); RECRYST_SHARED, the reference data (../shared)
set -eu
cd "$(dirname "$0")/.."
all=""
[ "${1-}" != --all ] || { all=1 && shift; }
build=${1:-build-aarch64} native=${2:-build} jobs=${JOBS:-$(nproc)}
for program in aarch64-linux-gnu-gcc aarch64-linux-gnu-g++ qemu-aarch64 apt-get dpkg-deb cmake ninja; do
    command -v "$program" >/dev/null || {
        echo "aarch64: $program is not there (Debian: tools/setup.sh --dev)" >&2
        [ "${CI-}" != true ] || exit 1
        exit 77
    }
done
mkdir -p "$build"
build=$(cd "$build" && pwd)
sysroot=$build/sysroot

# An apt of its own: nothing is known to be installed, and only packages for ARM exist.
fetch_sysroot() {
    local state=$build/apt
    rm -rf "$state" "$sysroot.part"
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$sysroot.part"
    : >"$state/status"
    set -- -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" \
        -o Dir::State::status="$state/status" -o Debug::NoLocking=1 -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3
    local libraries
    libraries=$(sed -n 's/^packages="\(.*\)"$/\1/p' tools/setup.sh | tr ' ' '\n' | grep -- '-dev$')
    # shellcheck disable=SC2086
    apt-get "$@" update >"$state/log" 2>&1 && apt-get "$@" install -y --no-install-recommends --download-only $libraries >>"$state/log" 2>&1 || {
        tail -n 20 "$state/log" >&2
        echo "aarch64: the libraries for ARM can't be fetched" >&2
        exit 77
    }
    for package in "$state"/cache/archives/*.deb; do dpkg-deb -x "$package" "$sysroot.part"; done
    mv "$sysroot.part" "$sysroot"
    rm -rf "$state"
}
[ -d "$sysroot" ] || fetch_sysroot

cat >"$build/toolchain.cmake" <<END
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_SYSROOT $sysroot)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-aarch64;-L;$sysroot")
END
export PKG_CONFIG_LIBDIR=$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig:$sysroot/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$sysroot
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_TOOLCHAIN_FILE="$build/toolchain.cmake" -DRECRYST_DOUBLE_TESTS=OFF \
    ${RECRYST_SHARED:+-DRECRYST_SHARED="$RECRYST_SHARED"} >"$build/log" 2>&1 || {
    tail -n 20 "$build/log" >&2
    exit 1
}
# Shell tests start the command themselves, which only runs under the emulator.
tests="base.file base.rng_hash base.status base.threads crystal.crystal crystal.element crystal.species io.cif io.csv io.extxyz
    graph.packed graph.reference kernels.choose kernels.values kernels.variants model.model model.safetensors"
[ -z "$all" ] || tests="$tests base.text crystal.cells graph.edge_cases graph.fast graph.invariance kernels.gradients
    kernels.semantics model.modelfile model.parity model.predict"
[ -n "$all" ] || export RECRYST_QUICK=1
# shellcheck disable=SC2086
ninja -C "$build" -j "$jobs" recryst recryst_shared $tests >"$build/log" 2>&1 || {
    tail -n 40 "$build/log" >&2
    exit 1
}
export QEMU_LD_PREFIX=$sysroot
pattern=$(echo $tests | tr ' ' '|')
ctest --test-dir "$build" -j "$jobs" -R "^(${pattern//./\\.})\$" --output-on-failure --no-tests=error

# A model trained here says the same there, up to the rounding of other vector widths.
[ -x "$native/recryst" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$native/recryst" train data/demo/alloys.tar.zst --target formation_energy --epochs 3 --train-size 200 --val-size 20 --test-size 20 --quiet \
    --out "$work/run" >/dev/null
"$native/recryst" predict "$work/run" data/demo/examples --quiet --plain >"$work/native.csv"
for kernels in ref base; do
    qemu-aarch64 "$build/recryst" predict "$work/run" data/demo/examples --quiet --plain --kernels $kernels >"$work/arm.csv"
    paste -d, "$work/native.csv" "$work/arm.csv" | awk -F, -v kernels=$kernels 'NR > 1 {
        d = $2 - $5; if (d < 0) d = -d
        if ($1 != $4 || $2 == "" || $5 == "" || d > 1e-5) { print "differs from this machine: " $0; failed = 1 }
        if (d > largest) largest = d; n++
    } END {
        printf "predictions on ARM, %s kernels: %d crystals, largest difference %.1e\n", kernels, n, largest
        exit failed || n < 5 }'
done
