#!/usr/bin/env bash
# librecryst.so exports exactly the functions that recryst.h declares with RCR_API, all of them named rcr_*.
set -u
library=$RECRYST_BUILD/librecryst.so
[ -f "$library" ] || {
    echo "$library is not built"
    exit 1
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
nm -D --defined-only "$library" | awk '{ print $NF }' | sed 's/@.*//' | grep -vE '^(_init|_fini|_edata|_end|__bss_start)$' |
    sort >"$dir/exported"
tr '\n' ' ' <"$RECRYST_SOURCE/include/recryst.h" | sed 's|/\*|\n/*|g; s|\*/|*/\n|g' | sed 's|^/\*.*\*/$||' | tr '\n' ' ' |
    grep -oE 'RCR_API [^;(]*\(' | grep -oE '[A-Za-z_0-9]+ *\($' | tr -d '( ' | grep -vx '__attribute__' | sort >"$dir/declared"
[ -s "$dir/declared" ] || {
    echo "found no declarations in recryst.h"
    exit 1
}
if grep -v '^rcr_' "$dir/exported" "$dir/declared"; then
    echo "^ not named rcr_*"
    exit 1
fi
comm -23 "$dir/exported" "$dir/declared" | sed 's/$/: exported, but not declared in recryst.h/' >"$dir/wrong"
comm -13 "$dir/exported" "$dir/declared" | sed 's/$/: declared in recryst.h, but not exported/' >>"$dir/wrong"
cat "$dir/wrong"
[ ! -s "$dir/wrong" ] && echo "$(wc -l <"$dir/exported") symbols"
