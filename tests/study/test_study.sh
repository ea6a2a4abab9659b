#!/usr/bin/env bash
# A study end to end: the runs are those of `recryst train`, the tables say what the runs say, and a study that is stopped,
# killed or edited goes on.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
. "$RECRYST_SOURCE/tests/study/tables.sh"
mkdir "$work/there"
frames 90 "$work/there/small.extxyz"
cat >"$work/there/tiny.toml" <<'END'
seeds = [4, 9]
folds = 3
baseline = "steps=2 gate=false"
[base]
data = "small.extxyz"
target = "formation_energy"
unit = "eV/atom"
epochs = 3
[base.model]
atom-features = 8
hidden = 8
[grid]
steps = [1, 2]
[grid.model]
gate = [false, true]
END
cd "$work"
column() { # FILE NAME: that column of a CSV without quoted fields
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) k = i; next } { print $k }' "$1"
}

run 0 study there/tiny.toml --out s --dry-run
same "$(grep -c '^waiting' "$work/out")" 24 "runs of the plan"
run 0 study there/tiny.toml --out s --jobs 3
err_has "24/24 "
out_has "24 of 24 runs done; target formation_energy, eV/atom"
out_has "difference from steps=2 gate=false"
same "$(head -1 s/study.csv | cut -d, -f1-11)" "run,setting,steps,gate,seed,repeat,fold,status,error,taken,test_mae" "header"
same "$(sed -n '2p' s/study.csv | cut -d, -f1-8)" 'runs/steps=1_gate=false/seed-4-fold-0,steps=1 gate=false,1,false,4,,0,done' "first run"
same "$(ls -d s/runs/*/* | wc -l)" 24 "run directories"
cmp -s there/tiny.toml s/study.toml || fail "study.toml is no copy"

# A run is what train makes of the same options.
run 0 train there/small.extxyz --target formation_energy --unit eV/atom --epochs 3 --atom-features 8 --hidden 8 --steps 2 --gate --seed 9 \
    --split-seed 123 --folds 3 --fold 1 --out alone
for file in model.safetensors predictions-test.csv; do
    cmp -s "alone/$file" "s/runs/steps=2_gate=true/seed-9-fold-1/$file" || fail "$file is not that of recryst train"
done
# Every row tests once for each seed.
for seed in 4 9; do
    cat s/runs/steps=1_gate=false/seed-$seed-fold-*/predictions-test.csv | grep -v '^id,' | cut -d, -f1 | sort >ids
    same "$(sort -u ids | wc -l) $(wc -l <ids)" "90 90" "tested rows of seed $seed"
done

# The tables, worked out again from the runs' own summaries.
for gate in false true; do
    for seed in 4 9; do
        for fold in 0 1 2; do
            sed -n 's/.*"test_mae": \([0-9.e-]*\).*/\1/p' "s/runs/steps=2_gate=$gate/seed-$seed-fold-$fold/run_summary.json"
        done
    done >"mae-$gate"
done
close() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; m = b < 0 ? -b : b; exit !(a != "" && d <= 1e-9 * m + 1e-15) }' || fail "$3: $1, not $2"; }
expected=$(awk '{ s += $1; q[NR] = $1 } END { m = s / NR; for (i = 1; i <= NR; i++) v += (q[i] - m)^2; printf "%.17g %.17g", m, sqrt(v / (NR - 1)) }' mae-true)
found=$(sed -n 's/^steps=2 gate=true,test_mae,6,\([^,]*\),\([^,]*\),.*/\1 \2/p' s/summary.csv)
close "${found% *}" "${expected% *}" "mean of test_mae"
close "${found#* }" "${expected#* }" "standard deviation of test_mae"
expected=$(paste mae-false mae-true | awk '{ q[NR] = $2 - $1; s += q[NR]; w += $2 < $1 } END { m = s / NR
    for (i = 1; i <= NR; i++) v += (q[i] - m)^2
    sd = sqrt(v / (NR - 1)); printf "%.17g %.17g %.17g %d", m, sd / sqrt(NR), sd * sqrt(1 / NR + 30 / 51), w }')
found=$(sed -n 's/^steps=2 gate=false,steps=2 gate=true,test_mae,6,\([^,]*\),[^,]*,\([^,]*\),\([^,]*\),\([0-9]*\)$/\1 \2 \3 \4/p' s/differences.csv)
set -- $found
close "$1" "$(echo "$expected" | cut -d' ' -f1)" "mean difference"
close "$2" "$(echo "$expected" | cut -d' ' -f2)" "its standard error"
close "$3" "$(echo "$expected" | cut -d' ' -f3)" "its corrected standard error"
same "$4" "$(echo "$expected" | cut -d' ' -f4)" "wins"
# Of validation scores it is the number of their rows, 9, that counts.
awk -F, '$1 == "steps=2 gate=false" && $2 == "steps=2 gate=true" && $3 == "val_mae" { d = $8 / ($6 * sqrt(1 / 6 + 9 / 51)) - 1
    n++; bad = d > 1e-9 || d < -1e-9 } END { exit bad || n != 1 }' s/differences.csv || fail "corrected standard error of val_mae"
grep -q '"main_score": "test_mae"' s/summary.json || fail "summary.json lacks main_score"

# Nothing is done twice; other numbers of jobs and threads make the same.
before=$(ls -l --time-style=full-iso s/runs/steps=1_gate=true/seed-4-fold-0/last.ckpt)
run 0 study there/tiny.toml --out s
same "$(ls -l --time-style=full-iso s/runs/steps=1_gate=true/seed-4-fold-0/last.ckpt)" "$before" "a finished run"
run 0 study there/tiny.toml --out one --jobs 1 --threads 3 --quiet
same "$(without one/study.csv seconds)" "$(without s/study.csv seconds)" "study.csv on other jobs and threads"

# Killed, interrupted, and gone on: the same in the end.
sed 's/^epochs = 3/epochs = 60/; s/steps = \[1, 2\]/steps = [1]/' there/tiny.toml >there/long.toml
sed -i '/^baseline/d' there/long.toml
run 0 study there/long.toml --out whole --jobs 2 --quiet
set -m
for signal in KILL INT TERM; do
    : >"$work/err"
    "$RECRYST" study there/long.toml --out parts --jobs 2 >"$work/out" 2>"$work/err" </dev/null &
    for _ in $(seq 300); do
        if grep -q "^[0-9]*/12 " "$work/err" || ! kill -0 $! 2>/dev/null; then break; fi
        sleep 0.02
    done
    kill -$signal $! 2>/dev/null || true
    got=0
    wait $! || got=$?
    case $signal:$got in KILL:137 | INT:3 | TERM:3 | *:0) ;; *) fail "ended with $got after SIG$signal" ;; esac
done
set +m
run 0 study there/long.toml --out parts --quiet
same "$(without parts/study.csv seconds)" "$(without whole/study.csv seconds)" "study.csv after stops"
for file in whole/runs/*/*/model.safetensors; do
    cmp -s "$file" "parts/${file#whole/}" || fail "${file#whole/} differs after stops"
done

# An ensemble, too, which is killed between and amid its members.
sed '/^folds/d; /^\[grid/,$d' there/long.toml >there/ensemble.toml
printf '%s\n' '[[setting]]' 'name = "one"' '[[setting]]' 'name = "three"' 'ensemble = 3' >>there/ensemble.toml
run 0 study there/ensemble.toml --out joined --jobs 2 --quiet
set -m
for member in 1 2 3; do
    "$RECRYST" study there/ensemble.toml --out torn --jobs 1 >"$work/out" 2>"$work/err" </dev/null &
    for _ in $(seq 300); do
        if [ -e "torn/runs/three/seed-4/member-$member/last.ckpt" ] || ! kill -0 $! 2>/dev/null; then break; fi
        sleep 0.01
    done
    kill -KILL $! 2>/dev/null || true
    wait $! 2>/dev/null || true
done
set +m
run 0 study there/ensemble.toml --out torn --quiet
same "$(without torn/study.csv seconds)" "$(without joined/study.csv seconds)" "study.csv of torn ensembles"

# Begun with another model, which brings its sizes, and on parts from a file: going on knows the runs as its own.
run 0 train there/small.extxyz --target formation_energy --epochs 1 --atom-features 8 --hidden 8 --steps 2 --gate --out begun --quiet
awk -F, 'BEGIN { print "id,part" } FNR > 1 { print $1 "," (FNR % 4 == 1 ? "test" : FNR % 4 == 2 ? "val" : "train") }' \
    begun/predictions-train.csv >there/parts.csv
cat >there/tuned.toml <<'END'
[base]
data = "small.extxyz"
target = "formation_energy"
epochs = 2
split = "parts.csv"
[[setting]]
name = "tuned"
init = "../begun"
[[setting]]
name = "joined"
init = "../begun"
ensemble = 2
END
run 0 study there/tuned.toml --out t --quiet
run 0 study there/tuned.toml --out t
err_has "2 runs, 0 to do"
sed 's/ensemble = 2/steps = 4/' there/tuned.toml >there/other-tuned.toml
run 1 study there/other-tuned.toml --out t
err_has "joined/seed-123: --steps is 4, and that of the model to begin with is 2"

# One process at a time.
(
    flock 9
    run 2 study there/tiny.toml --out s
    err_has "another process works on this study"
) 9>s/.lock

# Edited: what is new is trained, what contradicts is refused, what is left over is named.
sed 's/steps = \[1, 2\]/steps = [2, 3]/; s/seeds = \[4, 9\]/seeds = [9]/' there/tiny.toml >there/edited.toml
run 0 study there/edited.toml --out s
err_has "12 runs, 6 to do"
err_has "18 run directories in s belong to no run of this study"
same "$(wc -l <s/study.csv)" 13 "rows of the edited study"
sed 's/epochs = 3/epochs = 4/' there/tiny.toml >there/longer.toml
run 2 study there/longer.toml --out s
err_has "holds a run with epochs '3', where the study now says '4'"
cp there/small.extxyz there/other.extxyz
sed 's/small.extxyz/other.extxyz/' there/tiny.toml >there/other.toml
run 2 study there/other.toml --out s
err_has "other.extxyz"

# A run that fails is named and costs no other.
cat >there/failing.toml <<'END'
seeds = 2
repeats = 2
[base]
data = "small.extxyz"
target = "formation_energy"
epochs = 20
atom-features = 8
hidden = 8
batch-size = 16
[[setting]]
name = "good one"
[[setting]]
name = "not/a number"
optimizer = "sgd"
lr = 1000
END
run 1 study there/failing.toml --out f
err_has "not/a number, seed 1, repeat 0: failed: "
out_has "4 of 8 runs done"
out_has "runs/not_a_number/seed-2-repeat-1: "
same "$(column f/study.csv setting | sort | uniq -c | tr -s ' ' | tr '\n' ';')" " 4 good one; 4 not/a number;" "rows by setting"
same "$(cut -d, -f1-7 f/study.csv | sed -n 2p)" "runs/good_one/seed-1-repeat-0,good one,,,1,0," "row of a run"
grep -q '^good one,test_mae,4,' f/summary.csv || fail "summary.csv lacks the good runs"
grep -q '^not/a number,test_mae,0,,,,,$' f/summary.csv || fail "summary.csv has scores of failed runs"
! cmp -s "f/runs/good_one/seed-1-repeat-0/predictions-test.csv" "f/runs/good_one/seed-1-repeat-1/predictions-test.csv" ||
    fail "a repeat deals the same rows"

# Nonsense.
wrong() { # FILE'S TEXT, MESSAGE
    printf "$1" >there/wrong.toml
    run 2 study there/wrong.toml --out never
    err_has "$2"
}
base='[base]\ndata = "small.extxyz"\n'
wrong 'seedz = 1\n'"$base" "wrong.toml:1: unknown 'seedz'; did you mean 'seeds'?"
wrong 'lr = 0.1\n'"$base" "wrong.toml:1: unknown 'lr'"
wrong 'seeds = [1, 1]\n'"$base" "the seed 1 is there twice"
wrong 'seeds = []\n'"$base" "without seeds"
wrong 'seeds = [-1]\n'"$base" "wrong.toml:1: seeds takes whole numbers from 0"
wrong 'folds = 1\n'"$base" "wrong.toml:1: folds takes a whole number from 2"
wrong "$base"'seed = 3\n' "wrong.toml:3: 'seed' is the study's"
wrong "$base"'[grid]\nsteps = 3\n' "wrong.toml:4: steps in [grid] takes an array"
wrong "$base"'[grid]\nsteps = [1, 1]\n' "two settings are called 'steps=1'"
wrong "$base"'[grid]\nsteps = [1, "x"]\n' "wrong.toml:4: steps takes a whole number, not a text in quotes"
wrong "$base"'[grid]\nstepz = [1]\n' "wrong.toml:4: unknown setting 'stepz'; did you mean 'steps'?"
wrong "$base"'[grid]\nmodel = ["cgcnn"]\nsteps = [1, 2]\n' "--steps goes with --model sr-cgcnn"
wrong "$base"'steps = 2\n[[setting]]\nname = "a"\n[[setting]]\nname = "b"\nsteps = 2\n' "'a' and 'b' come to the same"
wrong "$base"'[[setting]]\nname = "a"\n[[setting]]\nname = "b"\ntransform = "none"\n' "'a' and 'b' come to the same"
wrong "$base"'target = "x,y"\n[grid]\ntransform = ["none", "none, none"]\n' "come to the same"
wrong "$base"'[[setting]]\nsteps = 2\n' "wrong.toml:3: a [[setting]] needs a name"
wrong "$base"'[[setting]]\nname = "a"\nsteps = 2\n[grid]\nsteps = [1]\n' "stands both in the grid and in a [[setting]]"
wrong "$base"'[[setting]]\nname = "a b"\nsteps = 2\n[[setting]]\nname = "a_b"\nsteps = 1\n' "would have the same folder"
wrong 'baseline = "x"\n'"$base" "no setting is called 'x'"
wrong 'folds = 3\n'"$base"'split = "reference"\n' "folds need a random split"
wrong 'folds = 3\n'"$base"'test-ratio = 0.2\n' "a test ratio or size doesn't go with folds"
wrong '[base]\nepochs = 3\n' "no data"
wrong 'seeds = 3\n'"$base"'[grid]\nensemble = [1, 5]\n' "wrong.toml: the ensembles of 5 of the setting 'ensemble=5' have networks in common with the seeds 1 and 2"
err_has "seeds = [1, 6, 11]"
[ ! -e never ] || fail "a study of nonsense began"
# Beside a model to begin with, whose own transform it may be, none is a transform like any other.
printf "$base"'init = "there/wrong.toml"\n[[setting]]\nname = "a"\n[[setting]]\nname = "b"\ntransform = "none"\n' >there/wrong.toml
run 0 study there/wrong.toml --out never --dry-run
# A base may hold what some settings have no use for.
printf '%s\n' '[base]' 'data = "small.extxyz"' 'target = "formation_energy"' 'steps = 3' 'layers = 2' 'epochs = 1' '[grid]' \
    'model = ["sr-cgcnn", "cgcnn"]' >there/wrong.toml
run 0 study there/wrong.toml --out mixed --dry-run

# Several targets are compared by their scaled MAE; their names may hold what tables and JSON must quote.
mkdir there/several
run 0 convert there/small.extxyz there/several --to cif --quiet
awk -F, 'NR == 1 || /^id,/ { print "id,\"\\eps \"\"q\"\"\",b"; if (/^id,/) next } { print $1 "," $2 "," 2 * $2 }' there/several/id_prop.csv >there/id_prop.csv
mv there/id_prop.csv there/several/id_prop.csv
cat >there/several.toml <<'END'
seeds = [1, 2]
[base]
data = "several"
target = '\eps "q",b'
unit = "eV,GPa"
epochs = 2
[grid]
steps = [1, 2]
END
run 0 study there/several.toml --out several
out_has "test_scaled_mae"
err_has "test_scaled_mae"
if command -v python3 >/dev/null; then
    python3 - <<'END' || fail "tables of several targets"
import csv, json
summary = json.load(open("several/summary.json"))
assert summary["main_score"] == "test_scaled_mae", summary["main_score"]
name = 'test_mae_\\eps "q"'
rows = {(r["setting"], r["score"]): float(r["mean"]) for r in csv.DictReader(open("several/summary.csv"))}
assert rows["steps=1", name] == summary["settings"][0]["scores"][name]["mean"]
assert {r["score"] for r in csv.DictReader(open("several/differences.csv"))} >= {name, "test_scaled_mae"}
END
else
    [ "${CI:-}" != true ] || fail "python3 is missing"
    echo "SKIPPED: the tables of several targets are not parsed, there is no python3"
fi
