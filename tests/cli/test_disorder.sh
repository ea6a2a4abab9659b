#!/usr/bin/env bash
# Disordered crystals from reader to prediction: error rows by default, means with --disorder average.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"

# structure FILE A X Y: a CsCl-like cell of length A with X of Fe and Y of Co at the corner and Al in the middle.
structure() {
    cat >"$1" <<EOF
data_x
_cell_length_a $2
_cell_length_b $2
_cell_length_c $2
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Fe1 Fe 0 0 0 $3
Co1 Co 0 0 0 $4
Al1 Al 0.5 0.5 0.5 1
EOF
}
mkdir "$work/set"
echo "id,energy" >"$work/set/id_prop.csv"
for i in $(seq 10 69); do
    case $((i % 5)) in
    0) structure "$work/set/c$i.cif" "2.$i" 0.5 0.5 ;;
    1) structure "$work/set/c$i.cif" "2.$i" 0.7 0.2 ;;
    2 | 3) structure "$work/set/c$i.cif" "2.$i" 1 0 ;;
    4) structure "$work/set/c$i.cif" "2.$i" 0 1 ;;
    esac
    echo "c$i,-0.$i" >>"$work/set/id_prop.csv"
done
options="--target energy --epochs 3 --batch-size 8 --atom-features 16 --hidden 16 --quiet"

# By default each costs a row of errors.csv, and the run goes on.
run 0 train "$work/set" $options --out "$work/refuse"
same "$(grep -c 'is disordered (Fe 0.5, Co 0.5); such crystals are left out unless disorder is set to average (--disorder average;' \
    "$work/refuse/errors.csv")" 12
same "$(grep -c 'is disordered (Fe 0.7, Co 0.2, vacant 0.1)' "$work/refuse/errors.csv")" 12
grep -q 'disorder = "refuse"' "$work/refuse/config.toml" || fail "config.toml does not say refuse"
run 1 train "$work/set" $options --strict --out "$work/strict"
err_has "is disordered"
run 0 info "$work/refuse/model.safetensors"
out_has "disorder   refused"

# With the option none does; the same bits on any number of threads and from a store.
run 0 train "$work/set" $options --disorder average --threads 1 --out "$work/one"
run 0 train "$work/set" $options --disorder average --threads 3 --out "$work/three"
run 0 prepare "$work/set" --disorder average --out "$work/set.store" --quiet
run 0 train "$work/set.store" $options --disorder average --out "$work/stored"
for name in three stored; do
    cmp "$work/one/model.safetensors" "$work/$name/model.safetensors" || fail "$name is another model than one"
    cmp "$work/one/predictions-test.csv" "$work/$name/predictions-test.csv" || fail "$name predicts otherwise than one"
done
same "$(wc -l <"$work/one/errors.csv")" 1
same "$(cat "$work/one"/predictions-*.csv | grep -c '^c')" 60
grep -q 'disorder = "average"' "$work/one/config.toml" || fail "config.toml does not say average"
run 0 info "$work/one/model.safetensors"
out_has "disorder   average"
run 0 info "$work/set.store"
out_has "disorder average"
run 1 train "$work/set.store" $options --out "$work/none"
err_has "disorder is average and refuse is wanted"

# Scores, likewise.
run 0 evaluate "$work/one" "$work/set" --out "$work/scored.csv"
same "$(wc -l <"$work/scored.csv")" 61
run 0 evaluate "$work/one" "$work/set" --disorder refuse --out "$work/scored.csv"
same "$(wc -l <"$work/scored.csv")" 37

# Predicting takes what the model says, or what is asked for; a stream does as files do.
structure "$work/half.cif" 2.9 0.5 0.5
structure "$work/whole.cif" 2.9 1 0
sed 's/^Co1 Co\(.*\) 0$/Fe2 Fe\1 0.25/; s/^\(Fe1 .*\) 1$/\1 0.75/' "$work/whole.cif" >"$work/listed.cif"
grep -q '^Fe2 Fe 0 0 0 0.25' "$work/listed.cif" || fail "the test's own file is wrong"
run 0 predict "$work/one" "$work/half.cif" "$work/whole.cif" "$work/listed.cif"
cp "$work/out" "$work/files"
value() { sed -n "s/^$1,\([^,]*\),.*/\1/p" "$work/files"; }
[ -n "$(value half)" ] || fail "half.cif has no prediction"
same "$(value listed)" "$(value whole)" "a whole site, listed in two rows"
[ "$(value half)" != "$(value whole)" ] || fail "half.cif is predicted as whole.cif"
printf '%s\n' "$work/half.cif" "$work/whole.cif" "$work/listed.cif" >"$work/names"
"$RECRYST" predict "$work/one" - --input-format files <"$work/names" >"$work/stream" 2>"$work/err" || fail "the stream"
same "$(cut -d, -f2 "$work/stream")" "$(cut -d, -f2 "$work/files")" "stream and files"
run 0 predict "$work/refuse" "$work/half.cif" "$work/whole.cif"
out_has "half,,"
out_has "is disordered"
run 1 predict "$work/refuse" "$work/half.cif"
run 0 predict "$work/refuse" "$work/half.cif" --disorder average
out_lacks "disordered"
run 1 predict "$work/one" "$work/half.cif" --disorder refuse
echo "$work/half.cif" | "$RECRYST" predict "$work/refuse" - --input-format files --disorder average \
    >"$work/out" 2>"$work/err" || fail "a stream with --disorder average"
out_lacks "disordered"
run 2 predict "$work/one" "$work/half.cif" --disorder often

# Models of which one takes them and the other does not: rows stay with their crystals, also of a dataset of which one
# model can use no row.
mkdir "$work/shelf" "$work/halves"
cp "$work/one/model.safetensors" "$work/shelf/average.safetensors"
cp "$work/refuse/model.safetensors" "$work/shelf/refuse.safetensors"
cp "$work/half.cif" "$work/halves/a.cif"
cp "$work/half.cif" "$work/halves/b.cif"
printf 'a,1\nb,2\n' >"$work/halves/id_prop.csv"
RECRYST_MODELS=$work/shelf run 0 predict all "$work/halves" "$work/whole.cif" --format csv
for id in a b whole; do
    same "$(grep -c "^$id,average,.*,-\?[0-9]" "$work/out")" 1 "predictions of $id"
    same "$(grep -c "^$id,refuse," "$work/out")" 1 "rows of $id for the model that refuses"
done
RECRYST_MODELS=$work/shelf run 1 predict all "$work/set.store" --format csv --out "$work/mixed.csv"
err_has "find different rows in the inputs"
[ ! -e "$work/mixed.csv" ] || fail "rows of two models were mixed"

# The graph.
run 1 graph "$work/half.cif"
err_has "site 1 is disordered (Fe 0.5, Co 0.5)"
run 0 graph "$work/half.cif" --disorder average
out_has "Fe0: Fe 0.5, Co 0.5"
out_has "disorder   average"
run 0 graph "$work/half.cif" --disorder average --format json
out_has '"species_offset": [0, 2, 3]'
out_has '"species_number": [26, 27, 13]'
out_has '"species_occupancy": [0.5, 0.5, 1]'
out_has '"disorder": "average"'
run 0 graph "$work/whole.cif" --disorder average --format json
out_lacks "species_offset"
