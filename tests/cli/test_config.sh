#!/usr/bin/env bash
# Settings from a file: what the command line says wins, every mistake is named with its line, and a run's config.toml makes
# the same run again, bit for bit.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
mkdir "$work/settings" "$work/elsewhere"
frames 80 "$work/settings/small.extxyz"
cat >"$work/settings/run.toml" <<'END'
data = "small.extxyz" # beside this file
seed = 7

[model]
steps = 2
gate = true
atom_features = 16
hidden = 16

[training]
epochs = 3
batch-size = 16
lr = 2e-3
schedule = "multistep"
lr-milestones = [1, 2]

[run]
threads = 2
out = "../from-file"
END
cat >"$work/settings/split.toml" <<'END'
[data]
path = "small.extxyz"
target = "formation_energy"
[split]
split = "parts.csv"
[training]
epochs = 1
END

# The same as on the command line, from whatever folder.
cd "$work/elsewhere"
run 0 train --config ../settings/run.toml --target formation_energy --quiet
run 0 train ../settings/small.extxyz --target formation_energy --seed 7 --steps 2 --gate --atom-features 16 --hidden 16 --epochs 3 \
    --batch-size 16 --lr 0.002 --lr-milestones 1,2 --out ../by-hand --quiet
for file in model.safetensors predictions-test.csv; do
    cmp -s "$work/from-file/$file" "$work/by-hand/$file" || fail "$file: the settings file makes another run than the options"
done

# A run's record makes the run again, and can be read with other settings on top.
run 0 train --config ../by-hand/config.toml --out ../again --quiet
for file in model.safetensors predictions-train.csv predictions-val.csv predictions-test.csv; do
    cmp -s "$work/by-hand/$file" "$work/again/$file" || fail "$file differs after train --config config.toml"
done
cmp -s <(grep -v threads "$work/by-hand/config.toml") <(grep -v threads "$work/again/config.toml") || fail "config.toml differs"
run 0 train --config ../by-hand/config.toml --seed 8 --out ../seed8 --quiet
! cmp -s "$work/by-hand/predictions-test.csv" "$work/seed8/predictions-test.csv" || fail "--seed does not win over the file"
! grep -q split_seed "$work/seed8/config.toml" || fail "--seed does not move the split"
# Settings that this has no more use for do no harm: steps, the gate, milestones.
run 0 train --config ../by-hand/config.toml --model cgcnn --layers 1 --schedule constant --out ../cgcnn --quiet
grep -q '^layers = 1' "$work/cgcnn/config.toml" || fail "--layers does not win"
run 0 train --config ../settings/run.toml --target formation_energy --model cgcnn --schedule cosine --gate=false --out ../cgcnn2 --quiet
run 0 train --config ../by-hand/config.toml --gate=false --val-size 20 --out ../gateless --quiet
grep -q '^gate = false' "$work/gateless/config.toml" || fail "--gate=false does not win"
grep -q '^val_size = 20' "$work/gateless/config.toml" || fail "--val-size does not win"
run 0 train --config ../gateless/config.toml --val-ratio 0.2 --out ../ratio --quiet
grep -q '^val_rows = 16' "$work/ratio/config.toml" || fail "--val-ratio does not win over val_size"
# Every other kind of setting: a split from a file, folds, classes, an unusual unit.
sed -n 's/.* id=\([^ ]*\).*/\1/p' "$work/settings/small.extxyz" >"$work/ids"
[ -s "$work/ids" ] || awk -F, 'NR > 1 { print $1 }' "$work"/by-hand/predictions-*.csv | grep -v '^id$' | sort -u >"$work/ids"
awk 'BEGIN { print "id,part" } { print $1 "," (NR % 4 == 1 ? "test" : NR % 4 == 2 ? "val" : "train") }' "$work/ids" \
    >"$work/settings/parts.csv"
run 0 train --config ../settings/split.toml --unit 'a "b" \c µ' --out ../parts --quiet
run 0 train --config ../parts/config.toml --out ../parts2 --quiet
cmp -s "$work/parts/model.safetensors" "$work/parts2/model.safetensors" || fail "a split from a file is not repeated"
run 0 train --config ../by-hand/config.toml --split random --folds 4 --fold 2 --group formula --split-seed 5 --loss huber --out ../folds \
    --quiet
run 0 train --config ../folds/config.toml --out ../folds2 --quiet
cmp -s "$work/folds/predictions-test.csv" "$work/folds2/predictions-test.csv" || fail "folds are not repeated"
grep -q '^split_seed = 5' "$work/folds2/config.toml" || fail "split_seed is lost"

# What the command line takes the use of is passed over: one of folds' two options, and what another model, task or split has none for.
run 0 train --config ../folds/config.toml --fold 1 --out ../fold1 --quiet
grep -q '^fold = 1' "$work/fold1/config.toml" || fail "--fold does not win over the record"
awk '{ gsub(/formation_energy=-[0-9.]*/, "stable=1"); gsub(/formation_energy=[0-9.]*/, "stable=0"); print }' "$work/settings/small.extxyz" \
    >"$work/settings/classes.extxyz"
small="--epochs 1 --atom-features 8 --hidden 8 --quiet"
run 0 train ../settings/small.extxyz --target formation_energy $small --deep-supervision 0.3 --loss l1 --transform asinh --out ../uses
run 0 train ../settings/classes.extxyz --target stable $small --task classification --class-weights balanced --folds 4 --fold 1 \
    --group formula --repeat 1 --out ../classes
run 0 train --config ../uses/config.toml --model cgcnn --out ../uses-cgcnn --quiet
grep -q '^deep_supervision = 0 ' "$work/uses-cgcnn/config.toml" || fail "deep supervision of a CGCNN"
run 0 train ../settings/classes.extxyz --config ../uses/config.toml --target stable --task classification --out ../uses-classes --quiet
grep -q '^loss = "mse"' "$work/uses-classes/config.toml" || fail "a loss of classes"
run 0 train ../settings/small.extxyz --config ../classes/config.toml --target formation_energy --task regression --out ../classes-values --quiet
! grep -q '^class_weights = "balanced"' "$work/classes-values/config.toml" || fail "class weights of a regression"
for split in reference ../settings/parts.csv highest sklearn; do
    name=$(basename "$split")
    case $split in
    sklearn) parts="--folds 4 --fold 0 --val-ratio 0.2" ;;
    *.csv) parts= ;;
    *) parts="--val-ratio 0.2 --test-ratio 0.2" ;;
    esac
    run 0 train --config ../classes/config.toml --split "$split" $parts --out "../split-$name" --quiet
    run 0 train --config "../split-$name/config.toml" --out "../split-$name-again" --quiet
    cmp -s "$work/split-$name/model.safetensors" "$work/split-$name-again/model.safetensors" || fail "split $split is not repeated"
done
printf 'data = "small.extxyz"\ntarget = "formation_energy"\nepochs = 1\ndeep-supervision = 0.3\nloss = "l1"\nfolds = 3\nfold = 0\n' \
    >"$work/settings/uses.toml"
run 0 train --config ../settings/uses.toml --model cgcnn --split reference --out ../file-uses --quiet
# Asked for beside what takes its use away, it is an error still.
run 2 train --config ../uses/config.toml --model cgcnn --deep-supervision 0.2 --out ../never
err_has "deep supervision is for the steps of SR-CGCNN"
run 2 train --config ../settings/uses.toml --split reference --folds 3 --out ../refused
err_has "the reference split knows neither groups nor folds"
# So is what the split has no use for; what a file says of the split that the command line takes another one for is not.
none() { # OPTIONS, MESSAGE
    run 2 train ../settings/small.extxyz --target formation_energy --epochs 1 $1 --out ../never
    err_has "$2"
}
for option in --train-ratio --val-ratio --test-ratio --train-size --val-size --test-size; do
    value=5
    case $option in *-ratio) value=0.1 ;; esac
    none "--split ../settings/parts.csv $option $value" "$option doesn't go with a split from a file"
done
none "--split ../settings/parts.csv --split-seed 3" "--split-seed doesn't go with a split from a file"
none "--split ../settings/parts.csv --repeat 1" "--repeat doesn't go with a split from a file"
none "--split reference --split-seed 3" "--split-seed doesn't go with the reference split"
none "--folds 4 --fold 0 --test-ratio 0.2" "--test-ratio doesn't go with --folds"
none "--folds 4 --fold 0 --test-size 5" "--test-size doesn't go with --folds"
printf '%s\n' 'data = "small.extxyz"' 'target = "formation_energy"' 'epochs = 1' 'split-seed = 3' 'repeat = 1' 'train-size = 20' 'val-ratio = 0.2' \
    'test-ratio = 0.2' >"$work/settings/parts.toml"
for split in "--split ../settings/parts.csv" "--split reference" "--folds 4 --fold 0"; do
    run 0 train --config ../settings/parts.toml $split $small --out ../over
    run 0 train --config ../over/config.toml --out ../over-again --quiet
    cmp -s "$work/over/model.safetensors" "$work/over-again/model.safetensors" || fail "$split over a file is not repeated"
    rm -r "$work/over" "$work/over-again"
done
for split in 'split = "parts.csv"' 'folds = 4\nfold = 0' 'split = "reference"'; do # in one file they contradict each other
    printf "$split\n" | cat "$work/settings/parts.toml" - >"$work/settings/contrary.toml"
    run 2 train --config ../settings/contrary.toml --out ../never
    err_has "doesn't go with"
done
printf 'model = "cgcnn"\n' >>"$work/settings/uses.toml"
run 2 train --config ../settings/uses.toml --out ../never

# The training part of the reference split is what ratios leave, also beside sizes: a size that wins takes its ratio away.
printf 'data = "small.extxyz"\ntarget = "formation_energy"\nepochs = 1\nsplit = "reference"\nval-ratio = 0.3\n' >"$work/settings/rr.toml"
run 0 train --config ../settings/rr.toml --val-size 5 --out ../rr --quiet
run 0 train --config ../rr/config.toml --out ../rr-again --quiet
same "$(grep _rows "$work/rr-again/config.toml")" "$(grep _rows "$work/rr/config.toml")" "rows of the repeated reference split"
same "$(grep ^train_rows "$work/rr/config.toml")" "train_rows = 64" "training rows of the reference split"

# Mistakes.
wrong() { # SETTINGS, MESSAGE
    printf "$1" >"$work/wrong.toml"
    run 2 train "$work/settings/small.extxyz" --config "$work/wrong.toml" --out "$work/never"
    err_has "wrong.toml:$2"
}
wrong 'seed = 1\nstepz = 3\n' "2: unknown setting 'stepz'; did you mean 'steps'?"
wrong '[model]\nsteps = "3"\n' "2: steps takes a whole number, not a text in quotes"
wrong 'steps = 0\n' "1: steps takes a whole number from 1 to 1000, not '0'"
wrong 'steps = 2.0\n' "1: steps takes a whole number, not a number"
wrong 'gate = 1\n' "1: gate takes true or false, not a whole number"
wrong 'lr = "0.1"\n' "1: lr takes a number, not a text in quotes"
wrong 'lr = -1\n' "1: lr takes a number above 0"
wrong 'lr = nan\n' "1: lr takes a number above 0"
wrong 'model = "gcn"\n' "1: model takes one of sr-cgcnn|cgcnn, not 'gcn'"
wrong 'lr-milestones = [1, 2.5]\n' "1: lr-milestones takes an array of whole numbers"
wrong 'lr-milestones = "1"\n' "1: lr-milestones takes an array of whole numbers, not a text in quotes"
wrong 'lr = 0.1\n[training]\nlr = 0.1\n' "3: 'lr' is set in line 1 already"
wrong 'batch_size = 16\nbatch-size = 16\n' "2: 'batch-size' is set in line 1 already"
wrong '[modell]\nsteps = 1\n' "1: unknown table [modell]; did you mean [model]?"
wrong '[model.inner]\nsteps = 1\n' "1: unknown setting 'inner'"
wrong 'resume = "x"\n' "1: 'resume' can be given on the command line only"
wrong 'seed = 1979-05-27\n' "1: seed takes a whole number, not a date"
printf 'a = 1\nb 2\n' >"$work/wrong.toml"
run 1 train "$work/settings/small.extxyz" --config "$work/wrong.toml" --out "$work/never"
err_has "wrong.toml:2: "
printf 'model = "cgcnn"\nsteps = 2\n' >"$work/wrong.toml"
run 2 train "$work/settings/small.extxyz" --config "$work/wrong.toml" --out "$work/never"
err_has "--steps goes with --model sr-cgcnn"
printf 'seed = 1\n' >"$work/wrong.toml"
run 2 train --config "$work/wrong.toml"
err_has "no data given"
run 1 train --config "$work/absent.toml"
err_has "absent.toml"
run 2 train --resume "$work/by-hand" --config "$work/wrong.toml"
err_has "--config can't be given with --resume"
[ ! -e "$work/never" ] || fail "a run began with wrong settings"
