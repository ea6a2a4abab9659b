#!/usr/bin/env bash
# Time and memory of one crystal of 1 to 1,000,000 atoms, from file to prediction in a cold process; prints a table and, when it
# went up to a million atoms, puts it into docs/performance.md.
#     bench/large.sh BUILD MODEL [THREADS] [KMAX]      crystals of K x K x K atoms, K up to KMAX (100)
# MODEL: a model file or run directory that knows Na and Cl.  Seconds: the least of five runs (of two above 90,000 atoms). The
# largest crystals also as CIF files of space group P 1.
set -eu -o pipefail # a table that breaks off is not to be put into the page
export LC_ALL=C
cd "$(dirname "$0")/.."
build=$1 model=$2 threads=${3:-0} largest=${4:-100}
ninja -C "$build" recryst bench_structures >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

row() { # k, kind of file
    local k=$1 kind=$2 file=$work/crystal.$2 runs=5
    if [ "$kind" = cif ]; then "$build/bench_structures" cif "$k" >"$file"; else "$build/bench_structures" supercell "$k" >"$file"; fi
    [ "$k" -lt 46 ] || runs=2
    for _ in $(seq $runs); do
        # GNU time rounds to 10 ms; the shell's clock does not.
        start=$(date +%s%N)
        /usr/bin/time -f %M -o "$work/memory" "$build/recryst" predict "$model" "$file" --quiet --threads "$threads" >"$work/out"
        stop=$(date +%s%N)
        echo "$((stop - start)) $(tail -1 "$work/memory")"
    done >"$work/runs"
    grep -q '^crystal,[-0-9]' "$work/out" || {
        echo "no prediction: $(cat "$work/out")" >&2
        exit 1
    }
    sort -n "$work/runs" | head -1 | awk -v kind="$kind" -v n=$((k * k * k)) -v bytes="$(wc -c <"$file")" '{
        s = $1 / 1e9
        for (text = n ""; match(text, /[0-9][0-9][0-9][0-9]($|,)/);)
            text = substr(text, 1, RSTART) "," substr(text, RSTART + 1)
        printf "| %s | %s | %.3g | %.*f | %.0f | %.*f |\n", text, kind, bytes / 1e6, s < 0.1 ? 4 : 2, s, $2 * 1024 / 1e6, n < 1000 ? 0 : 1, s / n * 1e6 }'
    rm "$file"
}

{
    echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $([ "$threads" = 0 ] && nproc || echo "$threads") threads,"
    echo "recryst $(git describe --always --dirty 2>/dev/null || echo "of no commit"), $(date +%F); load of the machine before: $(cut -d' ' -f1 /proc/loadavg)."
    echo
    echo "| atoms | file | MB | seconds | peak memory, MB | microseconds an atom |"
    echo "|---:|---|---:|---:|---:|---:|"
    for k in 1 2 4 10 20 32 46 68 100; do
        [ "$k" -le "$largest" ] || break
        row "$k" extxyz
        [ "$k" -lt 46 ] || row "$k" cif
    done
} | tee "$work/table"
[ "$largest" -lt 100 ] || bash bench/put.sh large docs/performance.md <"$work/table"
