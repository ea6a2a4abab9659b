#!/usr/bin/env bash
# The sustained rate of `recryst predict MODEL -` on a million structures, made on the fly: those of SOURCE again and
# again, each time under another strain.
#     bench/screen.sh BUILD MODEL SOURCE [COUNT] [THREADS]
# SOURCE: a folder or archive of CIF files, or an extended XYZ file.  The generator runs beside the prediction, on the
# same cores.  Also checks that every structure has its row.
set -eu
build=$1 model=$2 source=$3 count=${4:-1000000} threads=${5:-0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The generator first reads SOURCE: the clock starts when its first structure has come.
mkfifo "$work/pipe"
"$build/bench_structures" stream "$source" "$count" >"$work/pipe" &
exec 8<"$work/pipe"
read -r first <&8 # a single line: bash reads a pipe byte by byte
start=$(date +%s%N)
{ echo "$first"; cat; } <&8 | /usr/bin/time -f %M -o "$work/memory" "$build/recryst" predict "$model" - --quiet \
    --threads "$threads" >"$work/rows.csv"
stop=$(date +%s%N)
rows=$(($(wc -l <"$work/rows.csv") - 1))
failed=$(awk -F, 'NR > 1 && $2 == "" { n++ } END { print n + 0 }' "$work/rows.csv")
[ "$rows" -eq "$count" ] || { echo "$rows rows for $count structures" >&2; exit 1; }
awk -v n="$count" -v ns=$((stop - start)) -v failed="$failed" -v kb="$(tail -1 "$work/memory")" 'BEGIN {
    printf "%d structures in %.1f s: %.0f a second; %d could not be used; peak memory %.0f MB\n",
        n, ns / 1e9, n / ns * 1e9, failed, kb * 1024 / 1e6 }'
