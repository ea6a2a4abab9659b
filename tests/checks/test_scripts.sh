#!/usr/bin/env bash
# What the scripts of tools/ and bench/ do where something fails or is there in another form; programs of the machine are stood in
# for by ones that only say that they were called.
set -eu
cd "$RECRYST_SOURCE"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
fail() {
    echo "FAILED: $*"
    cat "$work/out" "$work/called" 2>/dev/null || true
    exit 1
}
program() { # NAME, its text from standard input
    {
        echo '#!/bin/sh'
        cat
    } >"$work/bin/$1"
    chmod +x "$work/bin/$1"
}

# tools/setup.sh: what builds is there under other names of packages, of which Debian's would take the place.
for name in cmake ninja cc c++ pkg-config node npm; do echo 'exit 0' | program $name; done
# shellcheck disable=SC2016
echo 'case "$*" in *libcurl4-openssl-dev | *cmake | *clang | *chromium) exit 1 ;; esac; echo installed' | program dpkg-query
# shellcheck disable=SC2016
echo 'echo "$@" >>"$CALLED"' | program apt-get
# shellcheck disable=SC2016
echo 'exec "$@"' | program sudo
setup() { CALLED=$work/called PATH=$work/bin:$PATH bash tools/setup.sh "$@" >"$work/out" 2>&1 || fail "tools/setup.sh $* ended with $?"; }
for option in "" --report; do
    # shellcheck disable=SC2086
    setup $option
    [ ! -e "$work/called" ] || fail "tools/setup.sh $option installs packages although all is there"
done
for option in "--dev clang" "--report-tests chromium"; do
    setup "${option% *}"
    grep -q -- "--no-remove .* ${option#* }\$" "$work/called" || fail "tools/setup.sh ${option% *} does not install ${option#* } alone, removing nothing"
    rm "$work/called"
done
echo 'exit 1' | program pkg-config # a library is not there: Debian's packages are to come
setup --report
grep -q -- '--no-remove .* cmake libcurl4-openssl-dev$' "$work/called" || fail "tools/setup.sh --report does not install what is missing, removing nothing"
rm "$work/bin/pkg-config" "$work/called"

# bench/large.sh: a prediction fails on the way.  (Were it to end well, three rows would not go into the page either.)
if [ -d bench ]; then
    mkdir "$work/build"
    ln -s "$work/bin/cc" "$work/build/bench_structures"
    printf '#!/bin/sh\nexit 1\n' >"$work/build/recryst"
    chmod +x "$work/build/recryst"
    ! PATH=$work/bin:$PATH bash bench/large.sh "$work/build" none 1 2 >"$work/out" 2>&1 || fail "bench/large.sh ends well where a prediction fails"
    for script in large limited screen; do
        grep -q '^set -eu -o pipefail' bench/$script.sh || fail "bench/$script.sh would put a table that breaks off into the page"
    done
fi
echo passed
