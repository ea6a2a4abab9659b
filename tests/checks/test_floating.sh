#!/usr/bin/env bash
# Every function of recryst.h that can fail computes in the library's own floating-point state (base/floating.h), whatever the
# host's is; those that compute nothing are listed.
set -u
cd "$RECRYST_SOURCE" || exit 1
nothing_to_compute=" rcr_settings_create rcr_model_set_disorder "
names=$(tr '\n' ' ' <include/recryst.h | grep -oE 'RCR_API rcr_status [a-z_0-9]+' | awk '{ print $3 }')
[ -n "$names" ] || {
    echo "found no functions in recryst.h"
    exit 1
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# FILE:NAME of each function that begins with RCR_OWN_FLOATING.
guarded() {
    find "$1" -name '*.c' -exec awk '
        /^rcr_status rcr_[a-z_0-9]+\(/ { name = $2; sub(/\(.*/, "", name) }
        /^    RCR_OWN_FLOATING;/ { if (opened) print name }
        { opened = / \{$/ && !/^[ \t]*(if|for|while|do|switch)/ }' {} +
}
guarded src | sort >"$dir/guarded"
failed=0
for name in $names; do
    case "$nothing_to_compute" in *" $name "*) continue ;; esac
    grep -qx "$name" "$dir/guarded" || {
        echo "$name: computes in the host's floating-point state; RCR_OWN_FLOATING must be its first line"
        failed=1
    }
done
[ $failed -eq 0 ] || exit 1
# The check finds what it looks for.
mkdir "$dir/src"
printf 'rcr_status rcr_a(int x,\n                int y) {\n    RCR_OWN_FLOATING;\n}\nrcr_status rcr_b(void) {\n    int x;\n}\n' >"$dir/src/x.c"
[ "$(guarded "$dir/src")" = rcr_a ] || {
    echo "the check is wrong about planted functions: $(guarded "$dir/src")"
    exit 1
}
echo "$(wc -l <"$dir/guarded") functions"
