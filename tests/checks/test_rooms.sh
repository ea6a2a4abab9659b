#!/usr/bin/env bash
# A room (folder in src/) includes only itself and the rooms before it, in the order below; every file in src/ is in a room.
set -u
ORDER="base crystal io graph data kernels model exchange report train study fetch api cli"

# Prints one line for each include of the tree under $1 that breaks the rule.
violations() {
    local root=$1
    (cd "$root" && find . -type f \( -name '*.c' -o -name '*.h' -o -name '*.cpp' \) | sort | sed 's|^\./||') | while read -r file; do
        awk -v file="$file" -v order="$ORDER" -v root="$root" '
            BEGIN {
                n = split(order, name, " ")
                for (i = 1; i <= n; i++) rank[name[i]] = i
                split(file, part, "/")
                room = part[1]
                if (!(room in rank)) { print file ": " room " is not a room"; exit }
                folder = file
                sub(/\/[^\/]*$/, "", folder)
            }
            /^[ \t]*#[ \t]*include[ \t]*"/ {
                split($0, quoted, "\"")
                header = quoted[2]
                if (header == "recryst.h") next
                split(header, path, "/")
                if (header ~ /\.\./) print file ":" NR ": " header " climbs; name it from src/"
                else if (header !~ /\//) {
                    if (system("test -f \"" root "/" folder "/" header "\"") != 0)
                        print file ":" NR ": " header " is not beside it; name it from src/"
                } else if (!(path[1] in rank)) print file ":" NR ": " header " is in no room"
                else if (rank[path[1]] > rank[room]) print file ":" NR ": " room " must not include " header
            }' "$root/$file"
    done
}

found=$(violations "$RECRYST_SOURCE/src")
if [ -n "$found" ]; then
    printf '%s\n' "$found"
    echo "The order of the rooms: $ORDER (docs/structure.md)"
    exit 1
fi

# The check itself: one breach of each kind must be found.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/base" "$dir/model" "$dir/attic"
echo '#include "model/net.h"' >"$dir/base/up.c"
echo '#include "../base/mem.h"' >"$dir/model/climb.c"
echo '#include "absent.h"' >"$dir/model/absent.c"
echo '#include "base/mem.h"' >"$dir/model/good.c"
echo '' >"$dir/attic/lost.c"
n=$(violations "$dir" | wc -l)
[ "$n" -eq 4 ] || {
    echo "the check found $n of 4 planted breaches"
    exit 1
}
