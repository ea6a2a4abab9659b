#!/usr/bin/env bash
# Targets of energies times 1e-13: what is told of them shows their digits.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
frames 80 "$work/all.extxyz"
awk '{ while (match($0, /formation_energy=[^ ]+/)) {
           split(substr($0, RSTART, RLENGTH), part, "=")
           $0 = substr($0, 1, RSTART - 1) sprintf("small=%.17g tiny=%.17g", part[2] * 1e-13, part[2] * 1e-10) substr($0, RSTART + RLENGTH)
       } print }' "$work/all.extxyz" >"$work/small.extxyz"
shows() {
    for file in out err; do
        ! grep -nE '(^|[^0-9.])-?0\.0{6,}[0-9]{0,3}([^0-9]|$)' "$work/$file" || fail "$1 shows zeros"
    done
}
options="--epochs 2 --batch-size 16 --atom-features 16 --hidden 16 --threads 2"
run 0 train "$work/small.extxyz" --target small $options --out "$work/run"
shows train
run 0 train "$work/small.extxyz" --target small,tiny $options --out "$work/two"
shows "train of two"
grep -q 'small: 80 rows, mean -\?[0-9.]*e-1[0-9]' "$work/err" || fail "train of two: the mean"
run 0 evaluate "$work/run" "$work/small.extxyz"
shows evaluate
out_has "intervals   promised"
grep -q 'crystals, MAE [0-9.]*e-1[0-9]' "$work/out" || fail "evaluate by domain"
frames 1 "$work/one.extxyz"
sed -i 's/formation_energy=\(\S*\)/small=\1e-13/' "$work/one.extxyz"
run 0 evaluate "$work/run" "$work/one.extxyz"
grep -q 'e-1[0-9]' "$work/out" || fail "evaluate of one row"
run 0 explain "$work/run" "$data/examples/Pt4-dhcp.cif"
shows explain
grep -q '^Pt4-dhcp: small -\?[0-9.]*e-1[0-9]$' "$work/out" || fail "the prediction that is explained"
mkdir "$work/shelf"
cp "$work/run/model.safetensors" "$work/shelf/small.safetensors"
export RECRYST_MODELS=$work/shelf
run 0 predict all "$data/examples/Pt4-dhcp.cif"
shows "predict all"
run 0 models
shows models
grep -q '^small .*MAE [0-9.]*e-1[0-9]' "$work/out" || fail "the score of a model"
