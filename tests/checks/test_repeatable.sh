#!/usr/bin/env bash
# The same sources, compilers and libraries give the same bytes: command, shared and static library, built twice in two folders
# with differently named sources, users' environments and times.  Two to three minutes: RECRYST_TORTURE=1.
set -u
if [ "${RECRYST_TORTURE-}" != 1 ]; then
    # The short form: no folder of this machine in what is built, which is how it would differ.
    grep -q '^RECRYST_SANITIZE:STRING=$' "$RECRYST_BUILD/CMakeCache.txt" && grep -q '^RECRYST_COVERAGE:BOOL=OFF' "$RECRYST_BUILD/CMakeCache.txt" || {
        echo "SKIPPED: a build whose reports name files"
        exit 77
    }
    for file in "$RECRYST" "$RECRYST_BUILD/librecryst.so" "$RECRYST_BUILD/librecryst.a"; do
        if grep -aqF -e "$RECRYST_SOURCE/" -e "$RECRYST_BUILD/" "$file"; then
            echo "$file: names a folder of this machine:"
            strings -a "$file" | grep -F -e "$RECRYST_SOURCE/" -e "$RECRYST_BUILD/" | sort | uniq -c | head
            exit 1
        fi
        if grep -aqE '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-9][0-9] 20[0-9][0-9]' "$file"; then
            echo "$file: has a date in it"
            exit 1
        fi
    done
    exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/one" "$dir/another place/deeper"
copy() { # where to, time
    (cd "$RECRYST_SOURCE" && tar -cf - --exclude='./build*' --exclude=./.git --exclude=./runs --exclude=node_modules .) | tar -xf - -C "$1"
    find "$1" -type f -exec touch -d "$2" {} +
}
build() { # sources, build folder
    CCACHE_DISABLE=1 cmake -S "$1" -B "$2" -G Ninja -DRECRYST_TESTS=OFF >/dev/null && CCACHE_DISABLE=1 ninja -C "$2" recryst recryst_shared recryst_static >"$dir/log" || {
        tail -n 20 "$dir/log"
        exit 1
    }
}
copy "$dir/one" "2020-02-02 02:02:02"
copy "$dir/another place/deeper" "2021-01-01"
build "$dir/one" "$dir/one/build" || exit 1
LC_ALL=C TZ=Asia/Tokyo build "$dir/another place/deeper" "$dir/another place/out" || exit 1
status=0
for file in recryst librecryst.so librecryst.a; do
    if cmp "$dir/one/build/$file" "$dir/another place/out/$file"; then
        echo "$file: the same $(wc -c <"$dir/one/build/$file") bytes twice"
    else
        status=1
    fi
done
exit $status
