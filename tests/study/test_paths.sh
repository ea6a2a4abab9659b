#!/usr/bin/env bash
# A study knows its runs however its file and what that names are spelled, and where the model that runs began with has gone.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
mkdir "$work/s"
frames 80 "$work/s/small.extxyz"
cd "$work"
small="--epochs 1 --batch-size 16 --atom-features 8 --hidden 8 --steps 1 --threads 1 --quiet"
run 0 train s/small.extxyz --target formation_energy $small --out begun
cp begun/model.safetensors s/begun.safetensors
awk -F, 'BEGIN { print "id,part" } FNR > 1 { print $1 "," (FNR % 4 == 1 ? "test" : FNR % 4 == 2 ? "val" : "train") }' \
    begun/predictions-train.csv >s/parts.csv
cat >s/x.toml <<'END'
[base]
data = "small.extxyz"
target = "formation_energy"
epochs = 1
[[setting]]
name = "plain"
split = "parts.csv"
atom-features = 8
hidden = 8
[[setting]]
name = "named"
init = "begun.safetensors"
[[setting]]
name = "path"
init = "../begun"
lr = 0.002
END
run 0 study s/x.toml --out o --quiet
ln -s s link
for file in ./s/x.toml s//x.toml s/./x.toml "$work/s/x.toml" link/x.toml; do
    run 0 study "$file" --out o
    err_has "3 runs, 0 to do"
done
cp s/small.extxyz s/other.extxyz
sed 's/small.extxyz/other.extxyz/' s/x.toml >s/other.toml
run 2 study s/other.toml --out o
err_has "holds a run on "

# The models go: what is done stays, tables are written, rows are taken, and the run that needs one fails alone.
run 0 study s/x.toml --out o --keep kept.csv
mv begun gone
mv s/begun.safetensors gone-too
run 0 study s/x.toml --out o --tables
out_has "3 of 3 runs done"
run 0 study s/x.toml --out o
err_has "3 runs, 0 to do"
sed 's/^\[base\]/seeds = 2\n[base]/' s/x.toml >s/more.toml
run 1 study s/more.toml --out m
out_has "2 of 6 runs done"
err_has "named, seed 1: failed: "
grep -q '^runs/path/seed-1,.*,failed,' m/study.csv || fail "the run whose model has gone"
run 0 study s/x.toml --out taken --dry-run
