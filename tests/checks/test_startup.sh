#!/usr/bin/env bash
# Starting the command stays quick: libraries that bring many others along are loaded when they are needed, not linked with it.
set -u
command -v ldd >/dev/null || {
    echo "SKIPPED: no ldd"
    exit 77
}
grep -q '^RECRYST_LAZY_LIBARCHIVE:BOOL=OFF' "$RECRYST_BUILD/CMakeCache.txt" && {
    echo "SKIPPED: this build links libarchive"
    exit 77
}
linked=$(ldd "$RECRYST" | sed 's/^[[:space:]]*//')
if heavy=$(printf '%s\n' "$linked" | grep -E '^lib(archive|xml2|icu[a-z]*|curl[a-z-]*|gnutls|ssl|crypto)\.so'); then
    printf '%s\n' "$heavy"
    echo "^ linked with the command, which costs milliseconds at every start; load it where it is needed (src/io/libarchive.h)"
    exit 1
fi
# The check finds what it looks for.
printf 'libxml2.so.2 => /usr/lib/libxml2.so.2\n' | grep -qE '^lib(archive|xml2)\.so' || exit 1
