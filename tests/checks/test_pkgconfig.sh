#!/usr/bin/env bash
# recryst.pc as it is configured: where things are installed, and what a static link needs besides.
set -eu
command -v pkg-config >/dev/null && command -v cmake >/dev/null && command -v ninja >/dev/null || {
    echo "SKIPPED: no cmake, ninja or pkg-config"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
configure() { # NAME OPTIONS...
    local name=$1
    shift
    cmake -S "$RECRYST_SOURCE" -B "$work/$name" -G Ninja -DRECRYST_TESTS=OFF -DRECRYST_REPORT=OFF -DCMAKE_INSTALL_PREFIX=/pre "$@" >"$work/log" 2>&1 || {
        cat "$work/log"
        exit 1
    }
}
same() {
    [ "$2" = "$3" ] || {
        echo "$1: expected '$3', found '$2'"
        exit 1
    }
}
says() { PKG_CONFIG_PATH=$work/$1 pkg-config "--variable=$2" recryst; }

configure plain
same "libdir" "$(says plain libdir | sed 's|.*/\.\./*||')" "$(sed -n 's/^CMAKE_INSTALL_LIBDIR:[A-Z]*=//p' "$work/plain/CMakeCache.txt")"
same "includedir" "$(says plain includedir | sed 's|.*/\.\./*||')" include
configure absolute -DCMAKE_INSTALL_LIBDIR=/else/lib -DCMAKE_INSTALL_INCLUDEDIR=/other/include
same "an absolute libdir" "$(says absolute libdir)" /else/lib
same "an absolute includedir" "$(says absolute includedir)" /other/include
configure mixed -DCMAKE_INSTALL_LIBDIR=/else/lib
same "includedir beside an absolute libdir" "$(says mixed includedir)" /pre/include

# Where its name for the loader can't be found out libarchive is linked, as it is with the option off.
for option in -DCMAKE_OBJDUMP= -DRECRYST_LAZY_LIBARCHIVE=OFF; do
    rm -rf "$work/linked"
    configure linked $option
    grep -q '^Requires.private:.* libarchive zlib ' "$work/linked/recryst.pc" || {
        echo "recryst.pc lacks libarchive with $option"
        exit 1
    }
done
echo passed
