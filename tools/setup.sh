#!/usr/bin/env bash
# Installs what recryst needs to be built, from Debian's packages (Debian 12 or later, Ubuntu 24.04 or later), as root
# or through sudo.  Quiet, offline and without root when everything is there.  On another system it says what to install.
# usage: tools/setup.sh [--dev|--report|--report-tests]
#   --dev           adds what only the project's own checks use (clang with its sanitizers, clang-format; numpy and pytest; a cross compiler and emulator for ARM)
#   --report        adds what builds the page of `recryst report`: Node.js 18 or later, npm
#   --report-tests  adds these and the browser that the page is tested in
set -eu

packages="cmake ninja-build gcc g++ libc6-dev pkgconf libjansson-dev libarchive-dev zlib1g-dev libmd-dev libsymspg-dev liblmdb-dev libsqlite3-dev libtomlplusplus-dev libcurl4-openssl-dev libcmocka-dev"
more=""
case "${1-}" in
"") ;;
--dev) more="clang clang-format libclang-rt-dev python3 python3-numpy python3-pytest locales openssl ca-certificates gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" ;;
--report | --report-tests)
    # Also from elsewhere than Debian, whose packages of Node.js then stay away.
    command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || more="nodejs npm"
    [ "$1" = --report ] || more="$more chromium"
    ;;
*)
    echo "usage: tools/setup.sh [--dev|--report|--report-tests]" >&2
    exit 2
    ;;
esac

# What a build looks for; says what is not found.
probe() {
    local missing=""
    for program in cmake ninja cc c++ pkg-config; do
        command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
    done
    for library in jansson libarchive zlib libmd sqlite3 libcurl cmocka; do
        pkg-config --exists "$library" 2>/dev/null || missing="$missing $library"
    done
    echo '#include <spglib.h>' | cc -I/usr/include/spglib -I/usr/local/include/spglib -fsyntax-only -x c - \
        2>/dev/null || missing="$missing spglib"
    case "${1-}" in
    --report*) for program in node npm; do command -v "$program" >/dev/null 2>&1 || missing="$missing $program"; done ;;
    esac
    echo '#include <lmdb.h>' | cc -fsyntax-only -x c - 2>/dev/null || missing="$missing lmdb"
    echo '#include <toml++/toml.h>' | c++ -std=c++17 -fsyntax-only -x c++ - 2>/dev/null || missing="$missing toml++"
    echo "$missing"
}

explain() {
    cat <<'END'
recryst needs:
    CMake 3.20 or later, Ninja, a C17 and C++17 compiler (gcc 12 or later, clang 14 or later), pkg-config,
    and, with their headers: jansson, libarchive, zlib, libmd, spglib 2, LMDB, SQLite 3, toml++ 3, libcurl (for the library and the command), cmocka (for the tests);
    for the page of recryst report, where it is wanted: Node.js 18 or later and npm.
Their names in some systems:
    Fedora     cmake ninja-build gcc-c++ pkgconf jansson-devel libarchive-devel zlib-devel libmd-devel spglib-devel lmdb-devel sqlite-devel tomlplusplus-devel libcurl-devel libcmocka-devel
    Arch       cmake ninja gcc pkgconf jansson libarchive zlib libmd spglib lmdb sqlite tomlplusplus curl cmocka
    Homebrew   cmake ninja pkgconf jansson libarchive zlib libmd spglib lmdb sqlite tomlplusplus curl cmocka
Install them, then run make again.
END
}

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    missing=$(probe "${1-}")
    [ -z "$missing" ] && exit 0
    echo "This is not a Debian system, and these are not found:$missing" >&2
    explain >&2
    exit 1
fi

# Those of its arguments that are not installed, each with a blank before it.
absent() {
    local package status
    for package in "$@"; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=""
        # An architecture-qualified second copy prints its own status after the first.
        case "$status" in installed*) ;; *) printf ' %s' "$package" ;; esac
    done
}
# shellcheck disable=SC2086
missing=$(absent $packages)
# Packages of other names (libcurl4-gnutls-dev), or programs built by hand, do as well; then nothing need be installed, by
# whoever it is, nor be put in the place of those.
[ -n "$missing" ] && [ -z "$(probe)" ] && missing=""
# shellcheck disable=SC2086
missing=$missing$(absent $more)
[ -z "$missing" ] && exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1; then
        as_root="sudo"
    else
        echo "Missing packages, and neither root nor sudo to install them.  As root, run:" >&2
        echo "    apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# What is there may be in the way of a package; to take it off a machine is its owner's to decide.
install_missing() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-remove --no-install-recommends -o Acquire::Retries=3 \
        $missing </dev/null >"$log" 2>&1
}
echo "Installing packages:$missing"
if ! install_missing; then
    echo "Updating the list of packages"
    $as_root apt-get update -q -o Acquire::Retries=3 </dev/null >"$log" 2>&1 || {
        cat "$log" >&2
        exit 1
    }
    install_missing || {
        tail -n 30 "$log" >&2
        echo "These packages could not be installed:$missing" >&2
        exit 1
    }
fi
