#!/usr/bin/env bash
# recryst train: what it says, writes and refuses, and stopping and going on.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"

small_model
for text in "small.extxyz: 80 rows, 80 usable" "formation_energy: mean" "eV/atom" "64 train, 8 validation, 8 test" \
    "sr-cgcnn, 3 steps" "kernels, 2 threads" "1/2" "2/2"; do
    err_has "$text"
done
for text in "test " "validation " "train " "MAE" "standard deviation" "$work/run/model.safetensors" \
    "recryst predict $work/run"; do
    out_has "$text"
done
for file in config.toml metrics.csv model.safetensors last.ckpt predictions-test.csv predictions-train.csv \
    predictions-val.csv errors.csv run_summary.json; do
    [ -f "$work/run/$file" ] || fail "the run lacks $file"
done
same "$(head -1 "$work/run/predictions-test.csv")" id,target,prediction header
same "$(wc -l <"$work/run/predictions-test.csv")" 9 "rows of predictions-test.csv"
same "$(wc -l <"$work/run/metrics.csv")" 3 "rows of metrics.csv"
grep -q '"run_summary.json"\|"conv_mode"' "$work/run/run_summary.json" || fail "run_summary.json lacks conv_mode"

# The same again: the folder holds a run; finished runs are told again.
run 2 train "$work/small.extxyz" --target formation_energy --out "$work/run"
err_has "$work/run"
run 0 train --resume "$work/run"
out_has "MAE"
run 1 train --resume "$work/nothing"
err_has "recryst: error: "

# --quiet leaves the scores; a name is found when none is given.
small="--epochs 1 --batch-size 16 --atom-features 8 --hidden 8 --threads 1"
(cd "$work" && "$RECRYST" train small.extxyz --target formation_energy $small --quiet >out 2>err) || fail "quiet run"
same "$(wc -c <"$work/err")" 0 "bytes of standard error with --quiet"
out_has "runs/small-sr-cgcnn-1/model.safetensors"
(cd "$work" && "$RECRYST" train small.extxyz --target formation_energy $small --quiet >out 2>err) || fail "second run"
out_has "runs/small-sr-cgcnn-2/"

# cgcnn, reference split, several options at once; the seed decides.
train() { run 0 train "$work/small.extxyz" --target formation_energy $small --quiet "$@"; }
train --model cgcnn --layers 2 --split reference --optimizer sgd --lr 0.01 --momentum 0.5 --lr-milestones 1,2 \
    --lr-gamma 0.5 --weight-decay 1e-4 --hidden-layers 2 --radius 6 --max-neighbors 8 --dmin 0.5 --step 0.25 \
    --padding reference --ties keep --kernels ref --out "$work/cgcnn"
grep -q '"conv_mode": *"standard"' "$work/cgcnn/run_summary.json" || fail "conv_mode of cgcnn"
train --gate --layer-norm --steps 2 --seed 5 --out "$work/a"
train --gate --layer-norm --steps 2 --seed 5 --threads 3 --out "$work/b"
train --gate --layer-norm --steps 2 --seed 6 --out "$work/c"
cmp -s "$work/a/model.safetensors" "$work/b/model.safetensors" || fail "threads change the model"
! cmp -s "$work/a/predictions-test.csv" "$work/c/predictions-test.csv" || fail "the seed changes nothing"
train --train-size 40 --val-size 20 --test-size 20 --out "$work/sizes"
same "$(wc -l <"$work/sizes/predictions-val.csv")" 21 "rows of --val-size 20"

# Errors of the data: the column, the parts, the files.
run 2 train "$work/small.extxyz" --target band_gap --out "$work/no"
err_has "band_gap"
err_has "formation_energy"
[ ! -e "$work/no" ] || fail "a run that never began left a folder"
run 2 train "$work/small.extxyz" --target formation_energy --test-ratio 0 --out "$work/no2"
err_has "test"
run 1 train "$work/nothing.csv" --out "$work/no3"
err_has "nothing.csv"
mkdir "$work/dir"
cp "$data"/examples/*.cif "$work/dir"
awk -F, 'NR > 1 { print $1 "," $2 }' "$data/examples/formation_energy.csv" >"$work/dir/id_prop.csv"
echo "missing,1.0" >>"$work/dir/id_prop.csv"
parts="--train-size 3 --val-size 1 --test-size 1"
run 0 train "$work/dir" $parts $small --out "$work/bad"
err_has "6 rows, 5 usable"
err_has "errors.csv"
err_has "missing.cif"
grep -q '^6,missing,' "$work/bad/errors.csv" || fail "errors.csv lacks the missing file"
run 1 train "$work/dir" $parts $small --strict --out "$work/strict"
err_has "missing.cif"
printf 'id,part\nAlCu2Ag-Xa,train\nPt4-dhcp,val\nNiPt2-fcc111,test\n' >"$work/split.csv"
run 0 train "$work/dir" $small --split "$work/split.csv" --out "$work/byfile"
same "$(tail -n +2 "$work/byfile/predictions-test.csv" | cut -d, -f1)" NiPt2-fcc111 "test part of the split file"

# A loss that is not a number.
run 4 train "$work/small.extxyz" --target formation_energy $small --epochs 30 --optimizer sgd --lr 1000 --out "$work/nan"
err_has "recryst: error: "
err_has "--lr"

# Classification.
awk '{ gsub(/formation_energy=-[0-9.]*/, "stable=1"); gsub(/formation_energy=[0-9.]*/, "stable=0"); print }' \
    "$work/small.extxyz" >"$work/classes.extxyz"
run 0 train "$work/classes.extxyz" --target stable --task classification --val-ratio 0.2 --test-ratio 0.2 $small \
    --out "$work/classes"
out_has "ROC AUC"
err_has "class 1"
err_has "val AUC"
printf 'id,part\n' >"$work/oneclass.csv"
awk -F'[ =]' '{ id = ""; s = ""; for (i = 1; i < NF; i++) { if ($i == "id") id = $(i + 1); if ($i == "stable") s = $(i + 1) }
    if (id == "") next; n++; print id "," (s == 1 && n % 4 == 0 ? "val" : n % 4 == 1 ? "test" : "train") }' "$work/classes.extxyz" >>"$work/oneclass.csv"
run 0 train "$work/classes.extxyz" --target stable --task classification --split "$work/oneclass.csv" --epochs 1 --atom-features 8 \
    --hidden 8 --out "$work/oneclass"
err_has "val acc"
err_lacks "val AUC"

# On a terminal one line is rewritten and some lines stay; with TERM=dumb, as in a log, each epoch has its line.
# A container may have no pseudo-terminals; then this is not looked at.
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    on_terminal() {
        TERM=$1 script -qec "stty cols 100; '$RECRYST' train '$work/small.extxyz' --target formation_energy $small \
            --epochs 1500 --out '$work/tty-$1'" /dev/null </dev/null >"$work/out" 2>"$work/err" || fail "run on a terminal"
    }
    on_terminal xterm
    grep -q "$(printf '\r')epoch [0-9]*/1500, batch [0-9]*/4 | val MAE .* left" "$work/out" || fail "no progress line"
    kept=$(grep -cE ' [0-9]+/1500 ' "$work/out")
    [ "$kept" -ge 10 ] && [ "$kept" -le 40 ] || fail "$kept lines of 1500 epochs stay on a terminal"
    on_terminal dumb
    same "$(grep -cE ' [0-9]+/1500 ' "$work/out")" 1500 "lines on a dumb terminal"
else
    echo "no pseudo-terminal: progress on a terminal is not tested"
fi

# Stopped by Ctrl-C or by SIGTERM, a run can be resumed, and ends as if it had never stopped.  `set -m`: background jobs of
# a script otherwise ignore SIGINT.
# Long enough to be stopped on a busy machine, where this script may wait seconds for its turn.
epochs=2000
if is_sanitized; then epochs=400; fi
long="--epochs $epochs --batch-size 16 --atom-features 16 --hidden 16 --threads 2"
run 0 train "$work/small.extxyz" --target formation_energy $long --quiet --out "$work/whole"
cp "$work/out" "$work/whole-out"
set -m
for signal in INT TERM; do
    part=$work/part-$signal
    "$RECRYST" train "$work/small.extxyz" --target formation_energy $long --out "$part" >"$work/out" 2>"$work/err" &
    pid=$!
    for i in $(seq 600); do
        [ -s "$part/last.ckpt" ] && break
        sleep 0.05
    done
    kill -"$signal" $pid
    code=0
    wait $pid || code=$?
    same "$code" 3 "exit code of a run stopped by SIG$signal"
    err_has "stopping"
    err_has "recryst train --resume $part"
    run 0 train --resume "$part" --quiet
    same "$(sed -n 1,4p "$work/out")" "$(sed -n 1,4p "$work/whole-out")" "scores of the resumed run"
    for file in model.safetensors predictions-test.csv predictions-train.csv; do
        cmp -s "$part/$file" "$work/whole/$file" || fail "$file of the run that SIG$signal stopped differs"
    done
done
set +m

# What a model file can't hold is told before the first epoch.
run 2 train "$work/small.extxyz" --target formation_energy --unit "$(printf '\265eV')" --epochs 1 --out "$work/unit" --quiet
err_has "UTF-8"
err_lacks "memory"
echo passed
