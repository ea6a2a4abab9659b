#!/usr/bin/env bash
# recryst export: the command, and the reference programs themselves on what it writes (RECRYST_VENV names a virtual
# environment with torch, pymatgen and scikit-learn, RECRYST_PROGRAMS a folder with the programs, as cgcnn/ and SR-CGCNN/).
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"

run 2 export
err_has "no model given"
run 2 export x
err_has "no name for the file given"
run 1 export "$work/none" "$work/x.pth.tar"
err_has "is no file or folder"

frames 80 "$work/small.extxyz"
train() { # NAME OPTIONS...: a model on the reference's own graphs
    local name=$1
    shift
    run 0 train "$work/small.extxyz" --target formation_energy --unit eV/atom --epochs 2 --batch-size 16 --atom-features 16 \
        --hidden 16 --threads 2 --out "$work/$name" "$@"
}
train plain
run 0 export "$work/plain" "$work/plain.pth.tar"
err_has "the reference programs add edges to atom 0"
run 0 export "$work/plain" "$work/plain.pth.tar" --quiet
same "$(cat "$work/out" "$work/err")" "" "quiet"
run 0 export "$work/plain" "$work/plain.onnx" --format onnx --atoms features
# The name says which of the two, unless the option does; a checkpoint is a zip archive.
mv "$work/plain.onnx" "$work/by-option.onnx"
run 0 export "$work/plain" "$work/plain.onnx" --atoms features
same "$(cat "$work/out" "$work/err")" "" "what is said of an ONNX graph"
cmp "$work/plain.onnx" "$work/by-option.onnx" || fail "the ending .onnx does not make an ONNX graph"
run 0 export "$work/plain" "$work/graph" --format onnx --atoms features
cmp "$work/graph" "$work/by-option.onnx" || fail "--format onnx goes by the name"
run 0 export "$work/plain" "$work/checkpoint.onnx" --format checkpoint --quiet
same "$(head -c 2 "$work/checkpoint.onnx")" PK "--format checkpoint"
# Neither is a model, nor is a crystal where the arguments are swapped; what reads a checkpoint is said.
for file in "$work/plain.pth.tar" "$work/plain.onnx" "$data/examples/Pt4-dhcp.cif"; do
    run 1 predict "$file" "$data/examples"
    err_has "$(basename "$file"): this is no model file (.safetensors); recryst import makes one of a checkpoint (.pth.tar, .ckpt)"
done
cp "$work/plain.pth.tar" "$work/best.ckpt"
for file in plain.pth.tar best.ckpt; do
    run 1 info "$work/$file"
    err_has "$file: this is a checkpoint (torch zip), no model file; recryst import makes one of it"
done
head -c 500 "$work/plain/model.safetensors" >"$work/cut.safetensors"
run 1 predict "$work/cut.safetensors" "$data/examples"
err_has "or a truncated one: its header claims"
run 0 export "$work/plain" "$work/plain.pth.tar" --atom-init "$work/atom_init.json"
run 0 import "$work/plain.pth.tar" "$work/back.safetensors" --atom-init "$work/atom_init.json" --padding none --quiet
run 0 predict "$work/plain" "$data/examples" --quiet --plain
cp "$work/out" "$work/own"
run 0 predict "$work/back.safetensors" "$data/examples" --quiet --plain
# The normaliser is kept in single precision, as torch has it: rows agree to six digits.
paste -d, "$work/own" "$work/out" | awk -F, 'NR > 1 && ($1 != $4 || ($2 - $5) ^ 2 > 1e-12) { exit 1 }' ||
    fail "a model that was exported and imported predicts something else"

programs=${RECRYST_PROGRAMS:-}
if [ -z "${RECRYST_VENV:-}" ] || [ ! -f "$programs/cgcnn/predict.py" ] || [ ! -f "$programs/SR-CGCNN/SR-CGCNN/predict.py" ]; then
    echo "SKIPPED in part: RECRYST_VENV or RECRYST_PROGRAMS do not have the reference programs"
    exit 0
fi
python=$RECRYST_VENV/bin/python
# A folder in CGCNN's layout: the examples, and what their programs want beside them.
mkdir "$work/root"
cp "$data/examples/"*.cif "$work/root"
for cif in "$work/root/"*.cif; do
    printf '%s,0.%d\n' "$(basename "$cif" .cif)" "$((RANDOM % 1000))"
done >"$work/root/id_prop.csv"
check() { # PROGRAM_FOLDER MODEL: predict.py and main.py --resume
    run 0 export "$work/$2" "$work/$2.pth.tar" --atom-init "$work/root/atom_init.json"
    err_lacks "note"
    run 0 predict "$work/$2" "$data/examples" --quiet --plain
    tail -n +2 "$work/out" | cut -d, -f1,2 | sort >"$work/own"
    mkdir -p "$work/there"
    (cd "$work/there" && "$python" "$1/predict.py" "$work/$2.pth.tar" "$work/root" --disable-cuda >log 2>&1) ||
        { tail -5 "$work/there/log" >&2; fail "predict.py of $1 on $2"; }
    cut -d, -f1,3 "$work/there/test_results.csv" | sort >"$work/theirs"
    paste -d, "$work/own" "$work/theirs" | awk -F, '$1 != $3 || ($2 - $4) ^ 2 > 1e-12 { bad = 1 } END { exit bad || NR != 5 }' ||
        { cat "$work/own" "$work/theirs" >&2; fail "$1 predicts something else with $2"; }
}
resume() { # PROGRAM_FOLDER MODEL OPTIONS...
    local program=$1 model=$2
    shift 2
    cp "$work/$model.pth.tar" "$work/there/model_best.pth.tar" # which main.py reads at its end, improved or not
    (cd "$work/there" && "$python" "$program/main.py" "$work/root" --disable-cuda --resume "$work/$model.pth.tar" --epochs 4 \
        --train-size 3 --val-size 1 --test-size 1 --atom-fea-len 16 --h-fea-len 16 --n-conv 3 --optim Adam --lr 0.001 "$@" \
        >log 2>&1) || { tail -5 "$work/there/log" >&2; fail "main.py of $program does not resume from $model"; }
    grep -q "loaded checkpoint" "$work/there/log" || fail "main.py of $program did not load $model"
    run 0 import "$work/there/checkpoint.pth.tar" "$work/there/model.safetensors" --quiet
}
train stacked --padding reference --model cgcnn
train shared --padding reference --gate --layer-norm
check "$programs/cgcnn" stacked
check "$programs/SR-CGCNN/SR-CGCNN" stacked
check "$programs/SR-CGCNN/SR-CGCNN" shared
resume "$programs/cgcnn" stacked
resume "$programs/SR-CGCNN/SR-CGCNN" shared --conv-mode shared_recurrent --recurrent-layer-norm --recurrent-learnable-alpha
