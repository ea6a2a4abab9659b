#!/usr/bin/env bash
# The committed study files make sense, name by name and value by value; the one in miniature runs to its end.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
expected() { # STUDY RUNS
    run 0 study "$RECRYST_SOURCE/studies/$1.toml" --out "$work/$1" --dry-run
    same "$(grep -cE '^(waiting|taken) ' "$work/out")" "$2" "runs of $1"
    kept="$RECRYST_SOURCE/studies/results/$1.csv"
    [ ! -f "$kept" ] || same "$(grep -cE "^taken .*/results/$1\.csv" "$work/out")" "$(($(wc -l <"$kept") - 1))" "kept runs that $1 still takes"
}
expected paper-formation 60
expected paper-gap 60
expected recipe-formation 17
expected recipe-gap 26
expected final-formation 20
expected final-gap 15
expected phonons 35
expected demo 18
same "$(ls "$RECRYST_SOURCE"/studies/*.toml | wc -l)" 8 "study files that this test knows"
# What the papers' studies and the final ones have in common need be trained once: their runs have the same keys.
cd "$work"
for property in formation gap; do
    run 0 study "$RECRYST_SOURCE/studies/paper-$property.toml" --out "$work/paper-$property" --tables
    run 0 study "$RECRYST_SOURCE/studies/final-$property.toml" --out "$work/final-$property" --tables
    for name in "CGCNN 3" "SR-CGCNN 3"; do
        folder=${name// /_}
        grep "^runs/$folder/seed-" paper-$property/study.csv | sed 's/.*,//' >a
        grep "^\"runs/$folder,_reference_recipe/seed-" final-$property/study.csv | sed 's/.*,//' >b
        same "$(wc -l <b)" 5 "runs of $name, reference recipe"
        cmp -s a b || fail "the keys of $name are others in final-$property"
    done
    grep -qF "take = [\"results/final-$property.csv\", \"results/paper-$property.csv\"]" "$RECRYST_SOURCE/studies/final-$property.toml" ||
        fail "final-$property does not take the runs of paper-$property"
done
for file in "$RECRYST_SOURCE"/studies/*.toml; do
    name=$(basename "$file" .toml)
    [ "$name" = demo ] || grep -q "^take = .*\"results/$name.csv\"" "$file" || fail "$name.toml does not take its results"
done

# A study of the project, its runs kept, and taken from there.
mkdir -p project/data
cp -r "$RECRYST_SOURCE/studies" project
rm -f project/studies/results/*.csv
ln -s "$RECRYST_SOURCE/data/demo" project/data/demo
run 0 study project/studies/demo.toml --out project/runs/demo --threads 1
out_has "18 of 18 runs done"
out_has "CGCNN"
bash project/studies/keep.sh demo >"$work/out" 2>"$work/err" || fail "keep.sh"
out_has "studies/results/demo.csv: 18 of 18 runs"
run 0 study project/studies/demo.toml --out fresh --take project/studies/results/demo.csv --tables
for file in summary.csv differences.csv summary.txt; do cmp -s project/runs/demo/$file fresh/$file || fail "$file of runs that were kept"; done
