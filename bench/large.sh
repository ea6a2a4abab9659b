#!/usr/bin/env bash
# Time and memory of one crystal of 1 to 1,000,000 atoms, from file to prediction in a cold process, as a table.
#     bench/large.sh BUILD MODEL [THREADS] [KMAX]      crystals of K x K x K atoms, K up to KMAX (100)
# MODEL: a model file or run directory that knows Na and Cl.  Seconds: the least of five runs (of two above 100,000
# atoms).
set -eu
build=$1 model=$2 threads=${3:-0} largest=${4:-100}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "| atoms | file, MB | seconds | peak memory, MB | microseconds an atom |"
echo "|---:|---:|---:|---:|---:|"
for k in 1 2 4 10 20 32 46 68 100; do
    [ "$k" -le "$largest" ] || break
    "$build/bench_structures" supercell "$k" >"$work/crystal.extxyz"
    runs=5
    [ "$k" -lt 46 ] || runs=2
    for _ in $(seq $runs); do
        # GNU time rounds to 10 ms; the shell's clock does not.
        start=$(date +%s%N)
        /usr/bin/time -f %M -o "$work/memory" "$build/recryst" predict "$model" "$work/crystal.extxyz" --quiet \
            --threads "$threads" >"$work/out"
        stop=$(date +%s%N)
        echo "$((stop - start)) $(tail -1 "$work/memory")"
    done >"$work/runs"
    grep -q '^crystal,[-0-9]' "$work/out" || { echo "no prediction: $(cat "$work/out")" >&2; exit 1; }
    sort -n "$work/runs" | head -1 | awk -v n=$((k * k * k)) -v bytes="$(wc -c <"$work/crystal.extxyz")" '{
        s = $1 / 1e9
        for (text = n ""; match(text, /[0-9][0-9][0-9][0-9]($|,)/);)
            text = substr(text, 1, RSTART) "," substr(text, RSTART + 1)
        printf "| %s | %.3g | %.3f | %.0f | %.1f |\n", text, bytes / 1e6, s, $2 * 1024 / 1e6, s / n * 1e6 }'
done
