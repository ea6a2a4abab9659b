#!/usr/bin/env bash
# docs/guarantees.md: every promise names a test, and every test that it names is there.  In a table each line is a promise.
set -u
cd "$RECRYST_SOURCE" || exit 1
# complaints PAGE: what is wrong with it.
complaints() {
    awk -F'|' '/^\|/ && !/^\|---/ && !/^\| promise / {
        n = split($NF == "" ? $(NF - 1) : $NF, test, ",")
        if (NF != 4) { print FNR ": not two columns: " $0; next }
        for (i = 1; i <= n; i++) {
            gsub(/[ `]/, "", test[i])
            if (test[i] !~ /^tests\/.*\/.*\.(c|sh|py)$/) print FNR ": names no test: " $0
            else if ((getline line < test[i]) <= 0) print FNR ": there is no " test[i]
            close(test[i])
        }
        promises++
    } END { if (promises < 5) print "only " promises + 0 " promises" }' "$1"
}
# It finds what is planted.
planted=$(mktemp)
trap 'rm -f "$planted"' EXIT
printf '| promise | test |\n|---|---|\n| a | `tests/checks/test_files.sh` |\n| b | `tests/no/such.c` |\n| c | |\n| d | by hand |\n' >"$planted"
for word in 'no tests/no/such.c' '5: names no test' '6: names no test' 'only 4 promises'; do
    complaints "$planted" | grep -qF "$word" || { echo "the check does not find: $word" && exit 1; }
done
complaints "$planted" | grep -q '^3:' && echo "the check complains of what is right" && exit 1
found=$(complaints docs/guarantees.md)
[ -z "$found" ] || { printf 'docs/guarantees.md: %s\n' "$found" && exit 1; }
