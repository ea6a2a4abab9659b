#!/usr/bin/env bash
# train --ensemble: the members, resuming after SIGTERM and kill -9, intervals, the domain; recryst ensemble and models.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
examples=$data/examples
frames 300 "$work/data.extxyz"
options=(--target formation_energy --unit eV/atom --epochs 3 --batch-size 16 --atom-features 12 --hidden 12 --threads 2
    --train-size 150 --val-size 75 --test-size 75)

run 0 train "$work/data.extxyz" "${options[@]}" --ensemble 3 --out "$work/whole"
err_has "network 1 of 3, seed 123"
err_has "network 3 of 3, seed 125"
err_lacks "?"
out_has "the mean of 3 networks"
for member in 1 2 3; do
    run 0 train "$work/data.extxyz" "${options[@]}" --seed $((122 + member)) --split-seed 123 --out "$work/alone-$member"
    cmp -s "$work/alone-$member/model.safetensors" "$work/whole/member-$member/model.safetensors" ||
        fail "member $member is not what it would be alone"
done
cmp -s "$work/whole/member-1/model.safetensors" "$work/whole/member-2/model.safetensors" && fail "members are alike"

# The mean and the sample standard deviation of the members.
run 0 predict "$work/whole" "$examples" --out "$work/whole.csv"
same "$(head -1 "$work/whole.csv")" id,prediction,spread,lower,upper,domain,error "header"
for member in 1 2 3; do run 0 predict "$work/alone-$member" "$examples" --plain --out "$work/p$member.csv"; done
paste -d, "$work/p1.csv" "$work/p2.csv" "$work/p3.csv" "$work/whole.csv" | awk -F, '
    function abs(x) { return x < 0 ? -x : x }
    NR > 1 { mean = ($2 + $5 + $8) / 3; n++
        std = sqrt((($2 - mean) ^ 2 + ($5 - mean) ^ 2 + ($8 - mean) ^ 2) / 2)
        if (abs(mean - $11) > 1e-9 || abs(std - $12) > 1e-9 || $13 >= $11 || $14 <= $11) { print; bad = 1 } }
    END { exit bad || n != 5 }' || fail "the ensemble is not the mean of its members"

# Interrupted and killed at any moment, a run ends with the same bytes.
killed() { # killed SIGNAL SECONDS
    "$RECRYST" train "$work/data.extxyz" "${options[@]}" --ensemble 3 --out "$work/broken" >"$work/out" 2>"$work/err" &
    local process=$!
    sleep "$2"
    kill -"$1" $process 2>/dev/null || true
    wait $process || true
}
for seconds in 0.15 0.3 0.5; do
    for signal in TERM KILL; do # a shell's background job is deaf to SIGINT
        rm -rf "$work/broken"
        killed $signal $seconds
        if [ -e "$work/broken/member-1/last.ckpt" ]; then
            run 0 train --resume "$work/broken"
        else # before its first checkpoint
            rm -rf "$work/broken"
            run 0 train "$work/data.extxyz" "${options[@]}" --ensemble 3 --out "$work/broken"
        fi
        cmp -s "$work/whole/model.safetensors" "$work/broken/model.safetensors" || fail "$signal after $seconds s"
        cmp -s "$work/whole/calibration.csv" "$work/broken/calibration.csv" || fail "calibration after $signal"
        cmp -s "$work/whole/predictions-test.csv" "$work/broken/predictions-test.csv" || fail "predictions after $signal"
    done
done
# Two members and a bit: the third is begun anew, the finished ones stay.
rm -rf "$work/broken"
cp -r "$work/whole" "$work/broken"
rm -rf "$work/broken/member-3" "$work/broken"/*.*
run 0 train --resume "$work/broken"
err_has "network 3 of 3"
cmp -s "$work/whole/model.safetensors" "$work/broken/model.safetensors" || fail "two of three members"
run 0 train --resume "$work/broken" # finished: its result
out_has "test"
out_has "the mean of 3 networks"
out_has " eV/atom; the test MAE is"
run 2 train "$work/data.extxyz" "${options[@]}" --ensemble 2 --out "$work/whole"
err_has "holds a run already"
run 2 train "$work/data.extxyz" --ensemble 0 --out "$work/none"

# Begun with the weights of another model, and gone on with after its last member.
tuned=(--target formation_energy --epochs 2 --batch-size 16 --train-size 150 --val-size 75 --test-size 75 --init "$work/whole" --ensemble 2)
run 0 train "$work/data.extxyz" "${tuned[@]}" --out "$work/tuned"
run 0 info "$work/tuned"
out_has "2 networks"
# What was asked for must be so, the default as well, on the command line and in settings.
run 1 train "$work/data.extxyz" "${tuned[@]}" --atom-features 64 --out "$work/none"
err_has "--atom-features is 64, and that of the model to begin with is 12"
printf 'hidden = 128\n' >"$work/asked.toml"
run 1 train "$work/data.extxyz" "${tuned[@]}" --config "$work/asked.toml" --out "$work/none"
err_has "--hidden is 128, and that of the model to begin with is 12"
cp -r "$work/tuned" "$work/tuned-again"
rm "$work/tuned-again"/*.*
run 0 train --resume "$work/tuned-again"
cmp -s "$work/tuned/model.safetensors" "$work/tuned-again/model.safetensors" || fail "an ensemble begun with a model, resumed"

# Stopped in the first network and gone on with when the files that it began with are others, or gone: the later ones begin
# as it did, whatever the files hold by then.
stop_early() { # stop_early FOLDER: what an ensemble of two leaves that was stopped before its second network
    rm -rf "$1/member-2" "$1"/*.*
}
awk 'BEGIN { print "id,part" } /formation_energy/ { i++
    match($0, /id=[^ ]*/); print substr($0, RSTART + 3, RLENGTH - 3) "," (i <= 150 ? "train" : i <= 225 ? "val" : "test") }' \
    "$work/data.extxyz" >"$work/split.csv"
cp -r "$work/alone-1" "$work/begin"
parts=(--target formation_energy --epochs 2 --batch-size 16 --init "$work/begin" --ensemble 2 --split "$work/split.csv")
run 0 train "$work/data.extxyz" "${parts[@]}" --out "$work/parts" --kernels base
cp -r "$work/parts" "$work/parts-again"
stop_early "$work/parts-again"
cp -r "$work/parts-again" "$work/parts-other"
sed -i 's/,train$/,x/; s/,test$/,train/; s/,x$/,test/' "$work/split.csv"
rm -r "$work/begin"
run 0 train --resume "$work/parts-again"
for file in model.safetensors member-2/model.safetensors member-2/init.safetensors predictions-test.csv; do
    cmp -s "$work/parts/$file" "$work/parts-again/$file" || fail "$file of an ensemble whose files changed meanwhile"
done
cp "$work/data.extxyz" "$work/data.kept"
sed -i 's/formation_energy=-0/formation_energy=0/' "$work/data.extxyz"
run 1 train --resume "$work/parts-other"
err_has "the data have changed since the run began"
[ ! -e "$work/parts-other/member-2/last.ckpt" ] || fail "a network began on other data"
mv "$work/data.kept" "$work/data.extxyz"
# Groups by prototype need the structures, which a resumed network does not read: the next one has its split.
grouped=(--target formation_energy --epochs 150 --batch-size 64 --group prototype --ensemble 2 --test-ratio 0.2)
run 0 train "$work/data.extxyz" "${grouped[@]}" --out "$work/grouped"
"$RECRYST" train "$work/data.extxyz" "${grouped[@]}" --out "$work/stopped" >"$work/out" 2>"$work/err" &
process=$!
until [ -e "$work/stopped/member-1/last.ckpt" ]; do sleep 0.01; done
kill -TERM $process
wait $process && fail "an interrupted run ended with 0"
[ ! -e "$work/stopped/member-2" ] || fail "the first network was done before it was stopped"
run 0 train --resume "$work/stopped"
cmp -s "$work/grouped/model.safetensors" "$work/stopped/model.safetensors" || fail "an ensemble grouped by prototype, resumed"

# Joined by hand: the same predictions, but no intervals until they are calibrated.
run 0 ensemble "$work/alone-1" "$work/alone-2" "$work/alone-3" "$work/joined.safetensors"
out_has "3 networks"
err_has "--calibrate"
run 0 predict "$work/joined.safetensors" "$examples" --out "$work/joined.csv"
same "$(cut -d, -f1-3 "$work/joined.csv")" "$(cut -d, -f1-3 "$work/whole.csv")" "predictions of a joined model"
same "$(head -1 "$work/joined.csv")" id,prediction,spread,domain,error "header without intervals"
run 2 predict "$work/joined.safetensors" "$examples" --level 0.8
err_has "no intervals"
run 0 ensemble "$work/joined.safetensors" "$work/calibrated.safetensors" --calibrate "$work/data.extxyz" --quiet
run 0 info "$work/calibrated.safetensors"
out_has "calibrated on 300 rows"
run 0 predict "$work/calibrated.safetensors" "$examples"
same "$(head -1 "$work/out")" id,prediction,spread,lower,upper,domain,error "header with intervals"
# Networks that transform the target differently, or alike with other constants: intervals about the prediction, in its unit.
run 0 train "$work/data.extxyz" "${options[@]}" --transform asinh --seed 7 --out "$work/bent-7"
run 0 train "$work/data.extxyz" "${options[@]}" --transform asinh --seed 8 --out "$work/bent-8"
for pair in "alone-1 bent-7" "bent-7 alone-1" "bent-7 bent-8"; do
    read -r a b <<<"$pair"
    run 0 ensemble "$work/$a" "$work/$b" "$work/mixed.safetensors" --calibrate "$work/data.extxyz" --quiet
    run 0 predict "$work/mixed.safetensors" "$examples" --out "$work/mixed.csv"
    awk -F, 'NR > 1 { n++; half = ($5 - $4) / 2; if (!(half > 0) || ($5 + $4) / 2 - $2 > 1e-6 * half || $2 - ($5 + $4) / 2 > 1e-6 * half) bad = 1 }
        END { exit bad || n != 5 }' "$work/mixed.csv" || fail "intervals of $pair: $(cat "$work/mixed.csv")"
    run 1 explain "$work/mixed.safetensors" "$examples"
    err_has "explain one network"
    run 0 explain "$work/mixed.safetensors" "$examples" --format csv --what steps
    same "$(wc -l <"$work/out")" 21 "steps of networks that transform the target differently"
    run 0 evaluate "$work/mixed.safetensors" "$work/data.extxyz" --calibration "$work/held.csv" --quiet
    awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k }
        $at["promised"] == 0.9 { n++; if ($at["observed"] < 0.9 || $at["observed"] > 0.91) bad = 1 } END { exit bad || n != 1 }' "$work/held.csv" ||
        fail "coverage of $pair: $(cat "$work/held.csv")"
done
run 0 ensemble "$work/joined.safetensors" "$work/third.safetensors" --member 3 --quiet
run 0 predict "$work/third.safetensors" "$examples" --plain
cmp -s "$work/out" "$work/p3.csv" || fail "a network taken out predicts otherwise"
run 2 ensemble "$work/joined.safetensors" "$work/x.safetensors" --member 4

# With OUT forgotten no model is lost; what the same command wrote before is replaced.
cp "$work/third.safetensors" "$work/c.safetensors"
sum=$(cat "$work/c.safetensors" "$work/alone-3/model.safetensors" | cksum)
run 2 ensemble "$work/alone-1" "$work/alone-2" "$work/c.safetensors"
err_has "c.safetensors: a model of 1 network lies there already"
err_has "OUT is missing"
run 2 ensemble "$work/alone-1" "$work/c.safetensors"
err_has "OUT is missing"
run 2 ensemble "$work/alone-1" "$work/joined.safetensors"
err_has "a model of 3 networks lies there already"
for out in "$work/alone-3/model.safetensors" "$work/alone-1/model.safetensors"; do
    run 2 ensemble "$work/alone-1" "$work/alone-2" "$out"
    err_has "this is the model of a training run"
done
run 2 ensemble "$work/alone-1" "$work/alone-3/model.safetensors" --meta "$work/meta.json"
err_has "this is the model of a training run"
same "$(cat "$work/c.safetensors" "$work/alone-3/model.safetensors" | cksum)" "$sum" "models that were to be joined"
run 0 ensemble "$work/alone-1" "$work/alone-2" "$work/alone-3" "$work/joined.safetensors" --quiet
run 0 ensemble "$work/joined.safetensors" "$work/c.safetensors" --member 2 --quiet
run 0 ensemble "$work/c.safetensors" "$work/c.safetensors" --calibrate "$work/data.extxyz" --quiet
run 0 train "$work/data.extxyz" --target formation_energy --epochs 1 --batch-size 64 --atom-features 8 --hidden 12 \
    --out "$work/other"
run 1 ensemble "$work/alone-1" "$work/other" "$work/x.safetensors"
err_has "sizes of their layers"
[ ! -e "$work/x.safetensors" ] || fail "a refused ensemble was written"
printf '{"licence": "CC0", "date": "2026-11-22"}' >"$work/meta.json"
run 0 ensemble "$work/whole" "$work/carded.safetensors" --meta "$work/meta.json"
out_has "CC0"
run 0 predict "$work/carded.safetensors" "$examples"
cmp -s "$work/out" "$work/whole.csv" || fail "metadata change predictions"

# Levels, and what leaves columns out.
width() { awk -F, 'NR == 2 { print $5 - $4 }' "$work/out"; }
run 0 predict "$work/whole" "$examples" --level 0.5
narrow=$(width)
run 0 predict "$work/whole" "$examples" --level 0.95
awk -v a="$narrow" -v b="$(width)" 'BEGIN { exit !(a > 0 && b > a) }' || fail "a higher level is not longer"
run 0 predict "$work/whole" "$examples/Pt4-dhcp.cif" --level 0.999 --format jsonl # of 75 rows: no such interval
out_has '"lower": null'
run 0 predict "$work/whole" "$examples" --no-intervals
same "$(head -1 "$work/out")" id,prediction,spread,domain,error "header of --no-intervals"
run 0 predict "$work/whole" "$examples" --plain
same "$(head -1 "$work/out")" id,prediction,error "header of --plain"
run 2 predict "$work/whole" "$examples" --plain --level 0.5

# The same rows from a stream.
printf '%s\n' "$examples"/*.cif | "$RECRYST" predict "$work/whole" - --quiet >"$work/stream.csv"
cmp -s "$work/stream.csv" "$work/whole.csv" || fail "a stream gives other rows"

# The domain: an element that is in no training row, and a crystal that is like none of them.
sed 's/Pt/Fe/g' "$examples/Pt4-dhcp.cif" >"$work/iron.cif"
run 0 predict "$work/whole" "$work/iron.cif" "$examples/Pt4-dhcp.cif"
same "$(sed -n 2p "$work/out" | cut -d, -f6)" element:Fe "an unseen element"
same "$(sed -n 3p "$work/out" | cut -d, -f6)" in "a crystal like the others"
awk '/_cell_length/ { $2 = $2 * 0.6 } { print }' "$examples/Pt4-dhcp.cif" >"$work/squeezed.cif"
run 0 predict "$work/whole" "$work/squeezed.cif" --format jsonl
out_has '"domain": "far"'

# A checkpoint holds one network, an ONNX graph all.
run 0 export "$work/whole" "$work/x.onnx" --format onnx
run 0 export "$work/whole" "$work/one.onnx" --format onnx --member 2
grep -qaF member.3.fc_out.weight "$work/x.onnx" || fail "an ensemble as ONNX lacks its third network"
! grep -qaF member. "$work/one.onnx" || fail "one network as ONNX has the names of an ensemble"
run 2 export "$work/whole" "$work/x.pth.tar"
err_has "--member"
run 0 export "$work/whole" "$work/x.pth.tar" --member 2 --quiet
run 0 explain "$work/whole" "$examples/Pt4-dhcp.cif"

# The registry, of a program that has no models of its own beside it.
mkdir "$work/shelf" "$work/bin"
cp "$RECRYST" "$work/bin/recryst"
RECRYST=$work/bin/recryst
export RECRYST_MODELS=$work/shelf
cp "$work/carded.safetensors" "$work/shelf/alloys.safetensors"
cp "$work/alone-1/model.safetensors" "$work/shelf/single.safetensors"
echo nonsense >"$work/shelf/broken.safetensors"
run 0 models
out_has "alloys"
out_has "formation_energy"
out_has "2026-11-22"
err_has "broken can't be read"
same "$(grep -E '^(alloys|single)' "$work/out" | awk '{ print $1 }' | tr '\n' ' ')" "alloys single " "order of models"
run 0 models --json
same "$(grep -c '"networks": 3' "$work/out")" 1 "models --json"
run 0 predict alloys "$examples"
cmp -s "$work/out" "$work/whole.csv" || fail "a shipped model predicts otherwise"
# A model to begin with may be given by its name, on the command line and in settings.
short=(--target formation_energy --epochs 1 --batch-size 100 --quiet)
run 0 train "$work/data.extxyz" "${short[@]}" --init alloys --out "$work/by-name"
run 0 train "$work/data.extxyz" "${short[@]}" --init "$work/shelf/alloys.safetensors" --out "$work/by-path"
echo 'init = "alloys"' >"$work/init.toml"
run 0 train "$work/data.extxyz" "${short[@]}" --config "$work/init.toml" --out "$work/by-settings"
for way in path settings; do
    cmp -s "$work/by-name/model.safetensors" "$work/by-$way/model.safetensors" || fail "--init by $way and by name differ"
done
run 1 train "$work/data.extxyz" "${short[@]}" --init alloy --out "$work/none"
err_has "did you mean 'alloys'?"
# Every model at once; one that can't be read costs a note, as in the list.
run 0 predict all "$examples" --format csv
err_has "note: broken can't be read"
same "$(tail -n +2 "$work/out" | cut -d, -f2 | sort -u | tr '\n' ' ')" "alloys single " "models beside one that can't be read"
mkdir "$work/unreadable"
cp "$work/shelf/broken.safetensors" "$work/unreadable"
RECRYST_MODELS=$work/unreadable run 1 predict all "$examples" --out "$work/unreadable.csv"
err_has "note: broken can't be read"
err_has "error: none of the models in $work/unreadable"
[ ! -e "$work/unreadable.csv" ] || fail "predictions of no model"
rm "$work/shelf/broken.safetensors"
run 0 predict all "$examples" "$work/none.cif" --format csv
same "$(head -1 "$work/out")" id,model,property,unit,prediction,std,spread,lower,upper,domain,error "header of all"
grep '^[^,]*,alloys,' "$work/out" | grep -v '^none' | cut -d, -f1,5,7-10 | sed 's/$/,/' >"$work/all.csv"
tail -n +2 "$work/whole.csv" >"$work/expected.csv"
cmp -s "$work/all.csv" "$work/expected.csv" || fail "'all' predicts otherwise than the model alone"
same "$(grep -c ',single,' "$work/out")" 6 "rows of the second model"
out_has "none.cif: can't open"
err_has "1 input could not be used by any model"
run 0 predict all "$examples/Pt4-dhcp.cif"
out_has "formation_energy"
out_has " eV/atom"
out_has " .. "
run 0 predict all "$examples/Pt4-dhcp.cif" --format jsonl --no-intervals
same "$(grep -c '"lower": null' "$work/out")" 2 "'all' without intervals"
run 2 predict all - --quiet
run 2 predict all "$examples" --level 0.5 --no-intervals
run 0 predict all "$work/none.cif" "$examples/Pt4-dhcp.cif"
same "$(grep -c "none.cif: can't open" "$work/out")" 1 "times that the table says why"
run 2 predict all "$examples" --steps 2
run 2 predict alloys "$examples" --format table
rm "$work/shelf"/*
run 1 predict all "$examples"
err_has "no models"
run 0 models
err_has "no models"
