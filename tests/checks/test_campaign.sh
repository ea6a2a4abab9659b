#!/usr/bin/env bash
# tools/campaign.py tells sources apart by what a fuzz target reaches: that changes its state, and nothing else does.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
command -v python3 >/dev/null || {
    echo "python3 is not installed"
    exit 77
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/tests"
cp -r "$root/src" "$root/include" "$tmp"
cp -r "$root/tests/fuzz" "$tmp/tests"
state() { CAMPAIGN_ROOT=$tmp python3 "$root/tools/campaign.py" sources csv; }
before=$(state)

mv "$tmp/src/io/csv.c" "$tmp/src/io/moved.c"
printf '\n/* A comment. */\nint rcr_nobody_calls_this(void) { return 1; }\n' >>"$tmp/src/base/mem.c"
printf '\nint rcr_nobody_calls_this(void);\n' >>"$tmp/src/base/mem.h"
[ "$(state)" = "$before" ] || {
    echo "a file that was moved, a comment or a function that is not reached changed the state"
    exit 1
}
sed -i 's/bytes > 0 \&\&/bytes > 1 \&\&/' "$tmp/src/base/mem.c"
[ "$(state)" != "$before" ] || {
    echo "a change of a function that is reached did not change the state"
    exit 1
}

record=$tmp/record.csv
for runs in 100 20; do python3 "$root/tools/campaign.py" add "$record" csv memory here "$runs" 3; done
python3 "$root/tools/campaign.py" add "$record" csv memory there 7 1
grep -q '^csv,memory,here,[0-9a-f]*,120,6$' "$record" || {
    echo "runs of one state do not add up:"
    cat "$record"
    exit 1
}
[ "$(tail -n 1 "$record" | cut -d , -f 3)" = there ] || {
    echo "the newest state is not the last"
    exit 1
}
