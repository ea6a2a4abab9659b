#!/usr/bin/env bash
# Datasets of one, two and three crystals, of one element, of equal targets, of targets of 1e300, of NaN, and empty ones: a
# model or a reason, never a number that is none.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
small="--epochs 3 --batch-size 4 --atom-features 8 --hidden 8 --threads 1"
# dataset NAME SYMBOLS TARGET...: a cubic crystal of two sites for each target.
dataset() {
    local name=$1 first=$2 second=$3 i=0
    shift 3
    mkdir "$work/$name"
    : >"$work/$name/id_prop.csv"
    for target in "$@"; do
        echo "c$i,$target" >>"$work/$name/id_prop.csv"
        awk -v a="$((350 + 5 * i))" -v x="$first" -v y="$second" 'BEGIN {
            a /= 100
            printf "data_c\n_cell_length_a %g\n_cell_length_b %g\n_cell_length_c %g\n_cell_angle_alpha 90\n", a, a, a
            printf "_cell_angle_beta 90\n_cell_angle_gamma 90\n_symmetry_space_group_name_H-M \"P 1\"\nloop_\n"
            printf "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
            printf "%s 0 0 0\n%s .5 .5 .5\n", x, y }' >"$work/$name/c$i.cif"
        i=$((i + 1))
    done
}
targets() { for i in $(seq 0 19); do awk -v i="$i" "BEGIN { $1 }"; done; }
# trains NAME: training, scoring and predicting work, and say no inf and no nan.
trains() {
    run 0 train "$work/$1" $small --out "$work/run-$1"
    for word in inf nan; do
        ! grep -v "is not a finite number" "$work/out" "$work/err" | grep -qiw -- "$word" || fail "$1: training says $word"
        ! grep -qiw -- "-\?$word" "$work/run-$1"/[!e]*.csv "$work/run-$1/run_summary.json" || fail "$1: the run says $word"
    done
    [ "$(awk '{ if (length > 200) n++ } END { print n + 0 }' "$work/out" "$work/err")" = 0 ] || fail "$1: endless digits"
    run 0 evaluate "$work/run-$1" "$work/$1"
    ! grep -qiE '(^|[^a-z])-?(inf|nan)([^a-z]|$)' "$work/out" || [ "$1" = lacking ] || fail "$1: evaluate says inf or nan"
    run 0 predict "$work/run-$1" "$work/$1/c0.cif"
    grep -qE '^c0,-?[0-9.]+(e[-+][0-9]+)?,' "$work/out" || fail "$1: the prediction is no number"
    run 0 train --resume "$work/run-$1" --quiet
}
# says_no_more NAME STD MEAN MIN: nor do info, an ensemble that predicts variances, what is made of its rows, and a study.
says_no_more() {
    local name=$1
    run 0 info "$work/$name"
    out_has "$(printf '20  %12s  %12s  %12s' "$3" "$2" "$4")"
    run 0 train "$work/$name" $small --ensemble 2 --loss gaussian --out "$work/run-$name-2" --quiet
    run 0 evaluate "$work/run-$name-2" "$work/$name"
    ! grep -qiE '(^|[^a-z])-?(inf|nan)([^a-z]|$)' "$work/out" || fail "$name: evaluating an ensemble says inf or nan"
    run 0 predict "$work/run-$name-2" "$work/$name/c0.cif" --no-intervals
    grep -qE '^c0(,-?[0-9.]+(e[-+][0-9]+)?){3},' "$work/out" || fail "$name: an ensemble's prediction, deviation or spread is no number"
    printf 'seeds = [1, 2]\n[base]\ndata = "%s"\nepochs = 2\nbatch-size = 4\natom-features = 8\nhidden = 8\n[grid]\ngate = [false, true]\n' \
        "$work/$name" >"$work/$name.toml"
    run 0 study "$work/$name.toml" --out "$work/study-$name" --threads 1 --quiet
    ! grep -qiE '(^|[^a-z])-?(inf|nan)([^a-z]|$)' "$work/study-$name"/*.csv "$work/study-$name/summary.txt" || fail "$name: a study says inf or nan"
}
dataset element Si Si $(targets 'print i / 10')
trains element
dataset equal Na Cl $(targets 'print 2.5')
trains equal
err_lacks error
out_lacks "% of it"
dataset tenths Na Cl $(targets 'print 0.1') # whose mean, as it is rounded, is another
trains tenths
out_lacks "% of it"
grep -q '"test_target_std": 0[,.]' "$work/run-tenths/run_summary.json" || fail "equal targets deviate"
dataset huge Na Cl $(targets 'printf "%de299\n", i - 10')
trains huge
out_has e+299
says_no_more huge 5.916e+299 -5.000e+298 -1.000e+300 # deviation: sqrt(35)
run 0 explain "$work/run-huge" "$work/huge/c0.cif" "$work/huge/c9.cif" --format jsonl
! grep -qiE 'nan|null' "$work/out" || fail "huge targets: contributions that are no numbers"
same "$(grep -cE '"input": \[-?[0-9.]+e\+?2[89][0-9]' "$work/out")" 2 "contributions of the size of the targets"
dataset tiny Na Cl $(targets 'printf "%de-310\n", i')
trains tiny
says_no_more tiny 5.916e-310 9.500e-310 0.000000000
# Box and Cox's function leaves nothing of such small ones but its constant; nearer to 1 it is well.
dataset minute Na Cl $(targets 'printf "%de-30\n", i + 1')
run 1 train "$work/minute" $small --transform box-cox --out "$work/run-minute"
err_has "the transform box-cox can't tell the targets 'target' apart"
dataset small Na Cl $(targets 'printf "%de-3\n", i + 1')
run 0 train "$work/small" $small --transform box-cox --out "$work/run-small"
# Targets that a model's transform does not take lie in none of its intervals, and count as misses.
dataset both Na Cl $(targets 'print i % 2 ? i + 1 : -i - 1')
run 0 ensemble "$work/run-small" "$work/calibrated.safetensors" --calibrate "$work/both" --quiet
run 0 evaluate "$work/calibrated.safetensors" "$work/both" --out "$work/both.csv" --calibration "$work/levels.csv" --quiet
held=$(awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next } { n++; if ($at["target"] >= $at["lower"] && $at["target"] <= $at["upper"]) held++ }
    END { print held / n }' "$work/both.csv")
awk -F, -v held="$held" 'NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next }
    $at["promised"] == 0.9 { n++; exit !($at["observed"] == held) }' "$work/levels.csv" || fail "held of the rows: $held, and told: $(cat "$work/levels.csv")"
grep -q '^[^,]*,[^,]*,[^,]*,-inf,inf' "$work/both.csv" || fail "90 % of intervals that half of the rows can't lie in: $(head -3 "$work/both.csv")"
# A learning rate that no network stands: the reason, and never a model that can't be read.
run 2 train "$work/element" $small --eps 1e-50 --out "$work/none"
err_has "1e-30"
frames 30 "$work/thirty.extxyz"
for wild in "--lr 30 --loss huber" "--lr 300 --loss l1"; do
    run 4 train "$work/thirty.extxyz" --target formation_energy --epochs 100 --batch-size 4 --steps 4 --atom-features 16 --hidden 16 \
        --optimizer sgd $wild --out "$work/wild"
    err_has "became"
    if [ -f "$work/wild/model.safetensors" ]; then run 0 predict "$work/wild" "$work/element/c0.cif"; fi
    rm -rf "$work/wild"
done
dataset offset Na Cl $(targets 'printf "%.3f\n", 1e12 + i / 8')
trains offset
dataset lacking Na Cl $(targets 'print i % 2 ? "nan" : i')
trains lacking
same "$(grep -c 'the value ""nan"" for target ""target"" is not a finite number' "$work/run-lacking/errors.csv")" 10 "rows of NaN"

# So few that parts are empty: the reason; told how to part them, it trains.
dataset one Na Cl 1
dataset two Na Cl 1 2
dataset three Na Cl 1 2 3
for name in one two three; do
    run 2 train "$work/$name" $small --out "$work/none"
    err_has "part is empty"
done
parts="--train-size 1 --val-size 1 --test-size 1"
run 2 train "$work/one" $small $parts --out "$work/none"
err_has "has 1 usable one"
run 2 train "$work/two" $small $parts --out "$work/none"
err_has "has 2 usable ones"
run 0 train "$work/three" $small $parts --out "$work/run-three"
same "$(ls "$work/none")" errors.csv "what a run that can't be made leaves"
run 0 prepare "$work/one" --out "$work/one.store"
err_has "1 rows, 1 usable"
run 0 evaluate "$work/run-three" "$work/one"

# Nothing to learn from: one line with the reason.
mkdir "$work/empty"
: >"$work/empty/id_prop.csv"
run 1 train "$work/empty" $small --out "$work/none"
err_has "the table is empty"
run 1 prepare "$work/empty" --out "$work/none.store"
dataset allnan Na Cl nan NaN inf -inf 1e999
run 1 train "$work/allnan" $small --out "$work/none"
err_has "none of the 5 rows can be used"
# Beyond what can be subtracted: an end with a reason.
dataset beyond Na Cl $(targets 'printf "%de307\n", i % 2 ? 17 : -17')
run 4 train "$work/beyond" $small --out "$work/beyond-run"
err_has "look for outliers among the targets"

# A lattice without volume and atoms in one place, beside good ones.
dataset odd Na Cl $(targets 'print i')
sed -i 's/^_cell_length_c .*/_cell_length_c 0/' "$work/odd/c3.cif"
sed -i 's/^_cell_angle_gamma .*/_cell_angle_gamma 180/' "$work/odd/c4.cif"
sed -i 's/^Cl .5 .5 .5/Cl 0 0 0/' "$work/odd/c5.cif"
sed -i 's/^_cell_length_a .*/_cell_length_a 1e-200/' "$work/odd/c6.cif"
sed -i 's/^_cell_length_a .*/_cell_length_a 1e300/' "$work/odd/c7.cif"
run 0 train "$work/odd" $small --out "$work/run-odd"
cut -d, -f2 "$work/run-odd/errors.csv" | tail -n +2 >"$work/bad-ids"
same "$(sort "$work/bad-ids" | tr '\n' ' ')" "c3 c4 c5 c6 c7 " "rows in errors.csv"
run 0 predict "$work/run-odd" "$work/odd/c5.cif" "$work/odd/c8.cif"
grep -qE '^c8,-?[0-9.e+-]+,' "$work/out" || fail "no prediction beside atoms in one place"

# A crystal of 100,000 atoms: rock salt, 50 x 50 x 40 sites; it is predicted as its small cell is.
awk 'BEGIN { print "rock salt\n2.8\n50 0 0\n0 50 0\n0 0 40\nNa Cl\n50000 50000\nDirect"
    for (p = 0; p < 2; p++) for (x = 0; x < 50; x++) for (y = 0; y < 50; y++) for (z = 0; z < 40; z++)
        if ((x + y + z) % 2 == p) printf "%.6f %.6f %.6f\n", x / 50, y / 50, z / 40 }' >"$work/large.vasp"
printf 'rock salt\n5.6\n1 0 0\n0 1 0\n0 0 1\nNa Cl\n4 4\nDirect\n0 0 0\n0 .5 .5\n.5 0 .5\n.5 .5 0\n.5 .5 .5\n.5 0 0\n0 .5 0\n0 0 .5\n' \
    >"$work/small.vasp"
run 0 predict "$work/run-three" "$work/large.vasp" "$work/small.vasp"
sed -n '2,3p' "$work/out" | cut -d, -f2 >"$work/values"
awk 'NR == 1 { a = $1 } NR == 2 { d = a - $1; exit !(d < 1e-5 && d > -1e-5) }' "$work/values" ||
    fail "100,000 atoms and their small cell are predicted otherwise: $(tr '\n' ' ' <"$work/values")"
mkdir "$work/crystals"
cp "$work/large.vasp" "$work/small.vasp" "$work/crystals"
printf 'large,1\nsmall,2\n' >"$work/crystals/id_prop.csv"
run 0 prepare "$work/crystals" --out "$work/crystals.store"
err_has "2 rows, 2 usable"
run 0 evaluate "$work/run-three" "$work/crystals.store"
run 0 convert "$work/large.vasp" "$work/large.extxyz"
same "$(head -1 "$work/large.extxyz")" 100000 "atoms of the converted crystal"
echo passed
