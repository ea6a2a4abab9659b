#!/usr/bin/env bash
# Prints the table of docs/checkpoints.md: what the checkpoints that CGCNN's authors published predict in recryst, beside
# what the original program predicts (reference/cgcnn-pretrained/expected.csv), in standard deviations of the target.
# usage: bench/pretrained.sh [BUILD]      needs the reference data (RECRYST_SHARED, or ../shared), and cmake, which unpacks
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."
build=${1:-build}
shared=${RECRYST_SHARED:-$PWD/../shared}
pretrained=$shared/reference/cgcnn-pretrained
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/cif"
cut -d, -f1 "$pretrained/expected.csv" | tail -n +2 >"$work/ids"
cp "$shared"/reference/structures/*.cif "$work/cif"
grep -E '^mp-' "$work/ids" | sed 's|.*|mp-formation-energy/&.cif|' >"$work/members"
archive=$(cd "$shared/data" && pwd)/mp-formation-energy.tar.zst
mkdir "$work/packed"
# shellcheck disable=SC2046
(cd "$work/packed" && cmake -E tar xf "$archive" -- $(cat "$work/members"))
mv "$work"/packed/*/*.cif "$work/cif"
sed "s|.*|$work/cif/&.cif|" "$work/ids" >"$work/files"

# row NAME COLUMN SCALE OPTIONS...: largest and mean difference of a way to make graphs
row() {
    local name=$1 column=$2 scale=$3
    shift 3
    "$build/recryst" import "$pretrained/$name" "$work/model.safetensors" --quiet "$@"
    xargs "$build/recryst" predict "$work/model.safetensors" --quiet <"$work/files" | cut -d, -f1,2 >"$work/own"
    cut -d, -f"1,$column" "$pretrained/expected.csv" | paste -d, - "$work/own" |
        awk -F, -v scale="$scale" 'NR > 1 {
                if ($1 != $3 || $4 == "") { print "rows do not fit: " $0 >"/dev/stderr"; exit 1 }
                d = ($2 - $4) / scale; if (d < 0) d = -d
                sum += d; n++; if (d > worst) worst = d; if (d > 1e-4) many++ }
            END { printf " %d of %d | %.4f | %.3f |", many, n, sum / n, worst }'
}

"$build/tests/exchange.import" 2>&1 | tr -d '\r' >"$work/same" || true
echo '| checkpoint | the same graphs: largest | ties as recryst cuts them: above 1e-4 | mean | largest | shells kept whole: above 1e-4 | mean | largest | no padding: above 1e-4 | mean | largest |'
echo '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|'
column=2
for name in $(head -n 1 "$pretrained/expected.csv" | tr -d '\r' | cut -d, -f2- | tr ',' ' '); do
    same=$(awk -v name="$name" '$1 == name { print $4 }' "$work/same")
    "$build/recryst" import "$pretrained/$name" "$work/model.safetensors" --quiet
    # A class has no deviation of its own: that of the probabilities stands for it.
    scale=$("$build/recryst" info "$work/model.safetensors" | sed -n 's/.*standard deviation \([0-9.]*\).*/\1/p')
    [ -n "$scale" ] || scale=$(cut -d, -f$column "$pretrained/expected.csv" |
        awk 'NR > 1 { s += $1; q += $1 * $1; n++ } END { print sqrt((q - s * s / n) / (n - 1)) }')
    printf '| `%s` | %s |' "$name" "${same:--}"
    row "$name" $column "$scale"
    row "$name" $column "$scale" --ties keep
    row "$name" $column "$scale" --padding none
    echo
    column=$((column + 1))
done
