#!/usr/bin/env bash
# Makes a smaller dataset in CGCNN's directory layout: of IN (an unpacked folder with a headerless id_prop.csv) the N rows whose
# ids have the smallest SHA-1, kept in file order.  Anybody gets the same rows.  Files are hard links where that is possible.
# usage: bench/select_subset.sh IN N OUT
set -eu
export LC_ALL=C
[ $# -eq 3 ] || {
    echo "usage: bench/select_subset.sh IN N OUT" >&2
    exit 2
}
in=$1 n=$2 out=$3
[ ! -e "$out" ] || {
    echo "$out exists already" >&2
    exit 1
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# One file for each id, so that one sha1sum hashes them all.
mkdir "$tmp/ids"
tr -d '\r' <"$in/id_prop.csv" | awk -F, -v dir="$tmp/ids/" '$1 != "" { printf "%s", $1 >(dir $1); close(dir $1) }'
(cd "$tmp/ids" && find . -type f -print0 | xargs -0 sha1sum) | sort | head -n "$n" | sed 's|^[0-9a-f]*  \./||' >"$tmp/chosen"
[ "$(wc -l <"$tmp/chosen")" -eq "$n" ] || {
    echo "$in has fewer than $n ids" >&2
    exit 1
}

mkdir -p "$out.part"
tr -d '\r' <"$in/id_prop.csv" | awk -F, 'NR == FNR { keep[$1] = 1; next } $1 in keep' "$tmp/chosen" - >"$out.part/id_prop.csv"
case "$out" in /*) full=$out.part ;; *) full=$PWD/$out.part ;; esac
sed 's|$|.cif|' "$tmp/chosen" >"$tmp/files"
(cd "$in" && { xargs cp -l -t "$full" <"$tmp/files" 2>/dev/null || xargs cp -f -t "$full" <"$tmp/files"; })
[ ! -f "$in/atom_init.json" ] || cp "$in/atom_init.json" "$out.part/"
mv "$out.part" "$out"
