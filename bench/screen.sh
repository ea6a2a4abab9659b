#!/usr/bin/env bash
# The sustained rate of `recryst predict MODEL -` on a million structures, made on the fly: those of SOURCE again and
# again, each time under another strain.  From a million on, what it prints is also put into docs/performance.md.
#     bench/screen.sh BUILD MODEL SOURCE [COUNT] [THREADS]
# SOURCE: a folder or archive of CIF files, or an extended XYZ file.  The generator runs beside the prediction, on the
# same cores.  Also checks that every structure has its row.
set -eu -o pipefail # a table that breaks off is not to be put into the page
export LC_ALL=C
cd "$(dirname "$0")/.."
build=$1 model=$2 source=$3 count=${4:-1000000} threads=${5:-0}
ninja -C "$build" recryst bench_structures >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
load=$(cut -d' ' -f1 /proc/loadavg)
# The generator first reads SOURCE: the clock starts when its first structure has come.
mkfifo "$work/pipe"
"$build/bench_structures" stream "$source" "$count" >"$work/pipe" 2>"$work/source" &
exec 8<"$work/pipe"
read -r first <&8 # a single line: bash reads a pipe byte by byte
start=$(date +%s%N)
{
    echo "$first"
    cat
} <&8 | /usr/bin/time -f '%M %U %S' -o "$work/memory" "$build/recryst" predict "$model" - --quiet --threads "$threads" >"$work/rows.csv"
stop=$(date +%s%N)
rows=$(($(wc -l <"$work/rows.csv") - 1))
failed=$(awk -F, 'NR > 1 && $2 == "" { n++ } END { print n + 0 }' "$work/rows.csv")
[ "$rows" -eq "$count" ] || {
    echo "$rows rows for $count structures" >&2
    exit 1
}
{
    echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $([ "$threads" = 0 ] && nproc || echo "$threads") threads,"
    echo "recryst $(git describe --always --dirty 2>/dev/null || echo "of no commit"), $(date +%F); load of the machine before: $load."
    echo "$(basename "$source"): $(cat "$work/source")."
    echo
    awk -v n="$count" -v ns=$((stop - start)) -v failed="$failed" -v used="$(tail -1 "$work/memory")" 'BEGIN {
        split(used, u, " ")
        print "| structures | seconds | a second | could not be used | peak memory, MB | processor time, s |"
        print "|---:|---:|---:|---:|---:|---:|"
        printf "| %d | %.1f | **%.0f** | %d | %.0f | %.0f |\n", n, ns / 1e9, n / ns * 1e9, failed, u[1] * 1024 / 1e6, u[2] + u[3] }'
} | tee "$work/table"
[ "$count" -lt 1000000 ] || bash bench/put.sh screen docs/performance.md <"$work/table"
