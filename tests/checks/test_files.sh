#!/usr/bin/env bash
# Committed files: no paths of somebody's machine, no trailing blanks, scripts that parse, nothing large, and the demo data
# within their bound.
set -u
cd "$RECRYST_SOURCE" || exit 1
failed=0
complain() {
    [ -z "$1" ] && return
    printf '%s\n^ %s\n' "$1" "$2"
    failed=1
}
files=$(git ls-files 2>/dev/null | while read -r file; do [ ! -f "$file" ] || echo "$file"; done | sort)
# Without a repository: what is there.
[ -n "$files" ] || files=$(find . -type f -not -path './.git' -not -path './.git/*' -not -path './.cache/*' -not -path './build*' -not -path './runs/*' -not -path './.venv/*' -not -path './dist/*' \
    -not -path '*/__pycache__/*' -not -path '*/node_modules/*' | sed 's|^\./||' | sort)
texts=$(printf '%s\n' "$files" | grep -vE '\.(zst|gz|zip|tar|png|safetensors|ckpt|extxyz)$')
# The pattern must not match itself.
home='(^|[^A-Za-z0-9_.$}])/(ho''me|ro''ot|wo''rk|Us''ers)/[A-Za-z0-9]'
complain "$(printf '%s\n' "$texts" | xargs grep -nE "$home")" "a path of somebody's machine"
complain "$(printf '%s\n' "$texts" | grep -vE '\.(md|csv|cif)$' | xargs grep -nE '[[:blank:]]+$' | grep -v '^tests/.*/data/')" \
    "trailing blanks"
# Links of pages to files of the project lead somewhere.
dead=$(printf '%s\n' "$files" | grep '\.md$' | while read -r page; do
    grep -oE '\]\([^)#]+' "$page" | sed 's/^](//' | grep -vE '^[a-z]+:' | while read -r link; do
        [ -e "$(dirname "$page")/$link" ] || echo "$page: $link"
    done
done)
complain "$dead" "a link that leads nowhere"
for script in $(printf '%s\n' "$files" | grep -E '\.sh$|^\.ci/run$'); do
    complain "$(bash -n "$script" 2>&1)" "$script does not parse"
done
complain "$(printf '%s\n' "$files" | xargs ls -l | awk '$5 > 1500000 { print $NF ": " $5 " bytes" }')" "larger than 1.5 MB"
total=$(cat data/demo/alloys.* data/demo/examples/* | wc -c)
[ "$total" -lt 2000000 ] || complain "data/demo: $total bytes" "the demo data are to stay under 2 MB"
exit $failed
