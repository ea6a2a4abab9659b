#!/usr/bin/env bash
# Names that are long or not UTF-8: what a run writes is read again, and no score is lost.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
small="--epochs 1 --batch-size 16 --atom-features 8 --hidden 8 --steps 1 --threads 1 --quiet"

# Targets whose names share 150 bytes, of letters of two.
frames 80 "$work/small.extxyz"
mkdir "$work/several"
run 0 convert "$work/small.extxyz" "$work/several" --to cif --quiet
long=$(printf 'x%.0s' 1; printf 'é%.0s' $(seq 75))
awk -F, -v a="${long}one" -v b="${long}two" 'NR == 1 || /^id,/ { print "id," a "," b; if (/^id,/) next } { print $1 "," $2 "," 2 * $2 }' \
    "$work/several/id_prop.csv" >"$work/id_prop.csv"
mv "$work/id_prop.csv" "$work/several/id_prop.csv"
run 0 train "$work/several" --target "${long}one,${long}two" $small --out "$work/long"
for end in one two; do
    grep -aqF "test_mae_${long}$end\"" "$work/long/model.safetensors" || fail "the model has no score of the target ...$end"
done

# A working directory that is not UTF-8.
place=$work/$(printf 'caf\351')
mkdir "$place" 2>/dev/null || { echo "SKIPPED: this file system has names in UTF-8 alone"; exit 0; }
cd "$place"
cp ../small.extxyz .
run 0 train small.extxyz --target formation_energy $small --out r
grep -q '^# not UTF-8.*path = ".*/small.extxyz"' r/config.toml || fail "config.toml does not say why it has no path"
run 0 train --resume r --quiet
run 0 train small.extxyz --config r/config.toml --out again --quiet
cmp -s r/model.safetensors again/model.safetensors || fail "the run is not repeated"
run 2 train --config r/config.toml --out never --quiet
err_has "no data given"
printf 'seeds = 2\n[base]\ndata = "small.extxyz"\ntarget = "formation_energy"\nepochs = 1\natom-features = 8\nhidden = 8\n' >s.toml
run 0 study s.toml --out s --quiet
out_has "2 of 2 runs done"
run 0 study s.toml --out s --tables
if command -v python3 >/dev/null; then
    python3 -c 'import json; r = json.load(open("r/run_summary.json", encoding="utf-8")); assert "caf\ufffd/" in r["data_options"][0]' ||
        fail "run_summary.json is no JSON"
fi
# What a run's record must tell to mean the same again is refused before anything is trained.
cp ../small.extxyz other.extxyz
printf 'id,part\n' >parts.csv
awk -F, 'FNR > 1 { print $1 "," (FNR % 4 == 1 ? "test" : FNR % 4 == 2 ? "val" : "train") }' r/predictions-train.csv >>parts.csv
run 2 train small.extxyz --target formation_energy $small --split parts.csv --out never
err_has "the path of the split's file, from the root on, is not UTF-8"
run 2 train small.extxyz --target formation_energy --epochs 1 --init r --out never
err_has "the path of the model to begin with"
