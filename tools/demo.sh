#!/usr/bin/env bash
# The demo: trains a three-step SR-CGCNN on the bundled alloys, scores it, predicts single files.  `make demo` builds and runs it.
# usage: tools/demo.sh [RECRYST [RUN]]       RECRYST: the command (build/recryst), RUN: the run directory to make (runs/demo)
set -eu
export LC_ALL=C.UTF-8 # awk reads and writes numbers with the locale's point
cd "$(dirname "$0")/.."
recryst=${1:-build/recryst}
run=${2:-runs/demo}
data=data/demo

say() { printf '\n== %s\n' "$1"; }
# Prints a command as a user would type it, then runs it.
show() {
    printf '$ %s\n\n' "$1"
    eval "$1"
}

# A demo that ran before is told by a file of its own and replaced; anything else of that name is left alone, be it of the same data.
mark=made-by-demo
if [ -e "$run" ]; then
    if [ ! -f "$run/$mark" ] || [ -e "$run/study.csv" ]; then
        echo "$run exists and is no run of the demo: choose another name, or remove it" >&2
        exit 1
    fi
    rm -rf "$run"
fi
mkdir -p "$(dirname "$run")"
trap '[ ! -d "$run" ] || : >"$run/$mark"' EXIT # also of a demo that was stopped

echo "1,500 alloys of Al, Ni, Cu, Pd, Ag, Pt and Au, with formation energies of an effective-medium potential (not DFT)."
say "1. Train a three-step SR-CGCNN: 1,200 alloys to learn from, 150 to choose the best epoch, 150 to test"
show "$recryst train $data/alloys.tar.zst --target formation_energy --unit eV/atom --model sr-cgcnn --steps 3 \\
    --epochs 200 --batch-size 128 --lr 3e-3 --lr-milestones 140,180 --out $run"

say "2. Score the model on a file: all 1,500 again (so mostly crystals it has learnt), in the extended XYZ format"
show "$recryst evaluate $run $data/alloys.extxyz --target formation_energy"

say "3. Predict single files: five alloys that were in no part of the data"
show "$recryst predict $run $data/examples/*.cif --out $run/examples.csv"
echo
awk -F, 'NR == FNR { if (FNR > 1) want[$1] = $2; next }
    FNR == 1 { printf "%-22s %12s %12s   eV/atom\n", "crystal", "potential", "recryst"; next }
    { id = $1; sub(/.*\//, "", id); sub(/\.cif$/, "", id); printf "%-22s %12.4f %12.4f\n", id, want[id], $2 }' \
    $data/examples/formation_energy.csv "$run/examples.csv"

if $recryst report "$run" --quiet 2>/dev/null; then
    page="learning curve, predictions, errors by element, the worst crystals in three dimensions"
else
    page="learning curve, predictions against targets, worst crystals (a richer page: make report)"
fi

say "Results"
echo "$run/                    everything of this run"
echo "$run/report.html         open it in a browser: $page"
echo "$run/model.safetensors   the model: all that predicting needs"
echo
echo "Next: train on your own crystals (README.md, \"Your own data\")."
