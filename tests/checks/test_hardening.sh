#!/usr/bin/env bash
# What is built has the protections that cmake/Harden.cmake asks for: looked for in the files themselves, not in the flags.
set -u
if ! grep -q '^RECRYST_HARDEN:BOOL=ON' "$RECRYST_BUILD/CMakeCache.txt" || ! grep -q '^RECRYST_SANITIZE:STRING=$' "$RECRYST_BUILD/CMakeCache.txt" ||
    ! grep -q '^RECRYST_COVERAGE:BOOL=OFF' "$RECRYST_BUILD/CMakeCache.txt"; then
    echo "SKIPPED: a build with sanitizers, for coverage, or without protections"
    exit 77
fi
command -v readelf >/dev/null || {
    echo "SKIPPED: no readelf"
    exit 77
}
export LC_ALL=C
failed=0
complain() {
    echo "$1: $2"
    failed=1
}
# Relocations read-only after the start, none left for later; no stack that runs.
linked_well() { # file
    local segments dynamic
    segments=$(readelf -lW "$1")
    dynamic=$(readelf -dW "$1")
    grep -q GNU_RELRO <<<"$segments" || complain "$1" "no RELRO"
    grep -qE '\(FLAGS\).*BIND_NOW' <<<"$dynamic" || complain "$1" "symbols are bound late (no BIND_NOW)"
    grep -qE 'GNU_STACK .* RW +0x' <<<"$segments" || complain "$1" "a stack that may run"
    grep -qE ' LOAD .* RWE ' <<<"$segments" && complain "$1" "a segment both writable and executable"
    grep -qE '\((RPATH|RUNPATH|TEXTREL)\)' <<<"$dynamic" && complain "$1" "$(grep -oE '\((RPATH|RUNPATH|TEXTREL)\)' <<<"$dynamic")"
    return 0
}
compiled_well() { # file
    local symbols
    symbols=$(readelf -sW --dyn-syms "$1")
    grep -q '__stack_chk_fail' <<<"$symbols" || complain "$1" "no stack protector"
    grep -qE '__(memcpy|snprintf|vsnprintf|read|strcpy)_chk' <<<"$symbols" || complain "$1" "no checked copies (_FORTIFY_SOURCE)"
}
library=$RECRYST_BUILD/librecryst.so
for file in "$RECRYST" "$library"; do
    [ -f "$file" ] || {
        complain "$file" "is not built"
        continue
    }
    linked_well "$file"
    compiled_well "$file"
done
readelf -hW "$RECRYST" | grep -qE 'Type: +DYN' || complain "$RECRYST" "not position-independent (PIE)"
readelf -dW "$RECRYST" | grep -qE 'FLAGS_1.* PIE' || complain "$RECRYST" "not marked as PIE"

# Calls go to marked places alone (CET).  Whether the program's own note says so depends on the C library's start files, so each
# object of the static library is looked at.  They also tell that no object was compiled without the flags.
if [ "$(uname -m)" = x86_64 ] && grep -q '^RCR_HAS_fcf_protection_full:INTERNAL=1' "$RECRYST_BUILD/CMakeCache.txt"; then
    readelf -nW "$RECRYST_BUILD/librecryst.a" 2>/dev/null |
        awk '/^File:/ { if (name != "" && !marked) print name; name = $2; marked = 0 } /IBT, SHSTK|SHSTK, IBT/ { marked = 1 }
             END { if (name != "" && !marked) print name; if (name == "") print "librecryst.a: nothing in it" }' |
        { ! grep . || exit 1; } || {
        echo "^ no marks for indirect calls and the shadow stack (-fcf-protection)"
        failed=1
    }
fi
[ $failed -eq 0 ] || exit 1

# The check finds what it looks for.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
echo 'int main(int n, char **v) { char b[64]; b[n] = v[0][0]; return b[1]; }' >"$dir/bare.c"
if ${CC:-cc} -O1 -no-pie -fno-stack-protector -U_FORTIFY_SOURCE -Wl,-z,lazy,-z,norelro,-z,execstack -o "$dir/bare" "$dir/bare.c" 2>/dev/null; then
    linked_well "$dir/bare" >"$dir/said"
    compiled_well "$dir/bare" >>"$dir/said"
    for what in RELRO BIND_NOW "may run" "stack protector" "checked copies"; do
        grep -q "$what" "$dir/said" || {
            echo "the check did not notice: $what"
            exit 1
        }
    done
fi
exit 0
