#!/usr/bin/env bash
# recryst info and graph.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
small_model

run 0 info "$work/run"
for text in "finished, 2 epochs" "sr-cgcnn, 3 steps" "16 atom features" "formation_energy in eV/atom" \
    "100 elements, 92 features" "at most 12 within 8 A" "41 Gaussians from 0 to 8 A" "training_data" "test_mae" \
    "[training]"; do
    out_has "$text"
done
run 0 info "$work/run/model.safetensors"
out_has "sr-cgcnn, 3 steps"
out_lacks "[training]"
cp "$work/run/model.safetensors" "$work/shipped.safetensors"
RECRYST_MODELS=$work run 0 info shipped
out_has "file       $work/shipped.safetensors"
RECRYST_MODELS=$work run 2 info shipped --json
err_has "one structure file"
RECRYST_MODELS=$work run 1 info shipt --json
err_has "shipt"

# An ensemble whose second network is at work: nothing but members so far.
run 0 train "$work/small.extxyz" --target formation_energy --ensemble 2 --epochs 2 --batch-size 16 --atom-features 16 \
    --hidden 16 --quiet --out "$work/whole"
mkdir -p "$work/part/member-2"
cp -r "$work/whole/member-1" "$work/part"
cp "$work/whole/member-2/config.toml" "$work/part/member-2"
head -2 "$work/whole/member-2/metrics.csv" >"$work/part/member-2/metrics.csv"
run 0 info "$work/part"
for text in "not finished, an ensemble of 2 networks: 1 trained, network 2 at work with 1 epoch done" \
    "go on      recryst train --resume $work/part" "settings (member-1/config.toml)" "epochs = 2"; do
    out_has "$text"
done
run 1 predict "$work/part" "$data/examples/Pt4-dhcp.cif"
err_has "an ensemble of which not all networks are trained; member-1 is the first"
cp "$work/whole/member-2/run_summary.json" "$work/part/member-2"
run 0 info "$work/part"
out_has "all are trained and not joined yet"
rm "$work/part/member-2/run_summary.json"
run 0 train --resume "$work/part" --quiet
run 0 info "$work/part"
out_has "finished, 2 epochs"
out_has "ensemble   2 networks"

run 0 info "$data/alloys.tar.zst"
for text in "1,500 rows, 1,500 usable, 0 bad" "1 to 32 in a crystal" "formation_energy  " "Al 518"; do out_has "$text"; done
grep -qE '^formation_energy +1,500 +0\.04712 +0\.09124 +-0\.14037 +0\.73223$' "$work/out" || fail "column statistics"
run 0 info "$work/small.extxyz"
out_has "80 rows, 80 usable"
out_has "formation_energy"
mkdir "$work/dir"
cp "$data"/examples/*.cif "$work/dir"
run 0 info "$work/dir"
out_has "5 rows, 5 usable"
out_has "structure files without targets"
printf 'AlCu2Ag-Xa,1\nPt4-dhcp,2\ngone,3\nNiPt2-fcc111,\n' >"$work/dir/id_prop.csv"
run 0 info "$work/dir"
out_has "4 rows, 3 usable, 1 bad"
out_has "bad      gone: gone.cif"
grep -qE '^target +3 +2\.0000 +1\.0000 +1\.0000 +3\.0000$' "$work/out" || fail "statistics without a header"
run 0 info "$work/dir" --target target
out_has "4 rows, 2 usable, 2 bad"
printf 'id,metal,why\nAlCu2Ag-Xa,true,x\nPt4-dhcp,False,y\n' >"$work/dir/id_prop.csv"
run 0 info "$work/dir"
grep -qE '^metal +2 +0\.5000 +0\.7071 +0\.0000 +1\.0000$' "$work/out" || fail "true and false are numbers"
grep -qE '^why +text$' "$work/out" || fail "text is none"

run 0 info "$data/examples/Pt4-dhcp.cif"
out_has "Pt4-dhcp: Pt4, 4 sites"
out_has " site  element"
for text in "formula    Pt, 4 times in the cell" "P6_3/mmc, number 194, Hall -P 6c 2c; hexagonal" "density 21.48" \
    "tolerance 0.01 A" "graph      48 edges" "2a       -3m." "2c       -6m2"; do out_has "$text"; done
out_lacks "warning"
run 0 info "$data/examples/Pt4-dhcp.cif" --json
if command -v python3 >/dev/null; then
    python3 - "$work/out" <<'END' || fail "JSON of a structure"
import json, sys
d = json.load(open(sys.argv[1]))
assert d["formula"] == "Pt" and d["formulas_in_cell"] == 4 and d["composition"] == {"Pt": 4} and d["n_sites"] == 4
assert d["space_group"]["number"] == 194 and d["space_group"]["tolerance"] == 0.01 and d["warnings"] == []
assert abs(d["volume"] - 60.305) < 1e-3 and abs(d["density"] - 4 * 195.084 * 1.66053907 / d["volume"]) < 1e-3
assert sorted(s["wyckoff"] + s["site_symmetry"] for s in d["sites"]) == ["a-3m.", "a-3m.", "c-6m2", "c-6m2"]
assert abs(d["shortest"]["distance"] - 2.77274) < 1e-4 and len(d["sites"][3]["frac"]) == 3
END
else
    [ "${CI:-}" != true ] || fail "python3 is missing"
    echo "SKIPPED: the JSON is not parsed, there is no python3"
fi
run 2 info "$data/examples" --json
err_has "one structure file"
printf '1\nLattice="4 0 0 0 4 0 0 0 4"\nFe 0 0 0\n1\nLattice="5 0 0 0 5 0 0 0 5"\nFe 0 0 0\n' >"$work/two.xyz"
run 2 info "$work/two.xyz" --json
err_has "one structure file"
run 2 info "$data/examples/Pt4-dhcp.cif" --symprec 2
err_has "--symprec"

# What is odd is said: atoms that nearly coincide, absurd volumes, elements without a vector.
odd() { # lattice constant, second element, its x
    printf '2\nLattice="%s 0 0 0 %s 0 0 0 %s" Properties=species:S:1:pos:R:3\nFe 0 0 0\n%s %s 0 0\n' \
        "$1" "$1" "$1" "$2" "$3" >"$work/odd.xyz"
    run 0 info "$work/odd.xyz"
}
odd 4 Fe 0.3
out_has "warning    sites 0 and 1 are 0.300 A apart"
odd 1.2 Fe 0.6
out_has "is less than 2 A^3"
odd 9 Fe 3
out_has "is more than 200 A^3"
odd 4 Rf 2
out_has "Rf is not in CGCNN's table"
odd 4 Fe 0
out_has "sites 0 and 1 are 0.000 A apart"
out_has "symmetry   unknown: spglib finds no symmetry"
odd 4 Ni 2
out_lacks "warning"

# Symmetry is found in a large crystal too, and given up where spglib would take minutes: 300 atoms in a row, displaced by
# less than the tolerance.
run 0 convert "$work/odd.xyz" "$work/large.json" --supercell 5 5 5
run 0 info "$work/large.json"
out_has "P4/mmm, number 123"
out_has "  ...  50 more; --json shows all"
awk 'BEGIN { s = 5; print 300; print "Lattice=\"150 0 0 0 150 0 0 0 150\""
    for (i = 0; i < 300; i++) { s = (s * 16807) % 2147483647; printf "Fe %.6f 0 0\n", i / 2 + 0.004 * s / 2147483647 } }' >"$work/row.xyz"
(
    ulimit -S -t 2
    run 0 info "$work/row.xyz"
    out_has "symmetry   unknown: looking for symmetry takes more than 2 s of processor time"
    run 1 convert "$work/row.xyz" "$work/row.cif" --primitive
    err_has "looking for symmetry takes more than 2 s"
)
run 1 info "$work/nothing"
err_has "nothing"
mkdir "$work/empty"
run 1 info "$work/empty"
err_has "$work/empty"
echo '<html>404</html>' >"$work/data.tar.gz"
for command in "info" "train --epochs 1" "predict $work/run"; do
    run 1 $command "$work/data.tar.gz"
    err_has "data.tar.gz: the name is that of an archive, the content is not: a download that failed?"
done

# The graph of rock salt, a = 6 A: 6 neighbors of the other kind at 3, 12 of the same at 6 / sqrt 2.
cat >"$work/salt.cif" <<'END'
data_salt
_cell_length_a 6
_cell_length_b 6
_cell_length_c 6
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_symmetry_Int_Tables_number 225
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na Na 0 0 0
Cl Cl 0.5 0.5 0.5
END
run 0 graph "$work/salt.cif" --max-neighbors 6
out_has "8 atoms, 48 edges"
same "$(grep -cE '^ *(Na|Cl)[0-9]+ +6  3\.0000 ' "$work/out")" 8 "atoms with six neighbors at 3 A"
run 0 graph "$work/salt.cif" --max-neighbors 7 --ties keep
out_has "8 atoms, 144 edges"
out_has "kinds      2 of equivalent atoms"
out_has "4.2426"
run 0 graph "$work/salt.cif" --max-neighbors 6 --format json
out_has '"n_atoms": 8'
out_has '"n_edges": 48'
out_has '"offset": [0, 6, 12, 18, 24, 30, 36, 42, 48]'
out_has '"max_neighbors": 6'
out_has '"kind": [0, 0, 0, 0, 1, 1, 1, 1]'
same "$(sed -n 's/.*"distance": \[\(.*\)\].*/\1/p' "$work/out" | tr ',' '\n' |
    awk '{ n += $1 > 2.999999999 && $1 < 3.000000001 } END { print n }')" 48 "distances of 3 A in JSON"
run 0 graph "$work/salt.cif" --radius 2.9
out_has "8 atoms, 0 edges"
run 1 graph "$work/nothing.cif"
err_has "recryst: error: $work/nothing.cif"

# Every target, and what is learnt of it: the mean of a transformed target is not in its unit.
frames 40 "$work/plain.extxyz"
awk '/formation_energy=/ { print $0 " hardness=" 2 + ++n; next } { print }' "$work/plain.extxyz" >"$work/two.extxyz"
run 0 train "$work/two.extxyz" --target hardness,formation_energy --unit GPa,eV/atom --transform log,none --loss gaussian --epochs 1 \
    --batch-size 16 --atom-features 8 --hidden 8 --train-ratio 0.8 --out "$work/two"
run 0 info "$work/two/model.safetensors"
out_has "target     hardness in GPa; learnt as log, whose mean over the training rows is "
out_has "           formation_energy in eV/atom; training rows: mean "
out_has "std        a standard deviation is predicted beside each value"
run 0 train "$work/two.extxyz" --target formation_energy --transform yeo-johnson --epochs 1 --batch-size 16 --atom-features 8 \
    --hidden 8 --out "$work/one"
run 0 info "$work/one/model.safetensors"
grep -qE 'learnt as yeo-johnson with parameter [0-9.]+, whose mean' "$work/out" || fail "info does not tell the transform's parameter"
# A key that is too long for a column's name is one column, where its cut falls within a character, too.
long=$(printf 'k%.0s' $(seq 62))
for tail in kkk 中中; do
    sed "s/formation_energy=/$long$tail=/" "$work/plain.extxyz" >"$work/long.extxyz"
    run 0 info "$work/long.extxyz"
    same "$(grep -c "^$long" "$work/out")" 1 "columns of one long key"
done
# What a file says does not drive the terminal, which reads text for people; other programs get it as it is.
esc=$(printf '\033')
sed "s/ id=[^ ]*/ id=\"a$esc]0;b\"/; s/formation_energy=/k$esc[31m=/" "$work/plain.extxyz" >"$work/odd.extxyz"
no_escapes() { ! grep -q "$esc" "$work/out" || fail "$1 passes control characters through"; }
run 0 info "$work/odd.extxyz"
no_escapes info
out_has 'k?[31m'
run 0 explain "$work/one" "$work/odd.extxyz"
no_escapes explain
out_has 'a?]0;b: '
mkdir "$work/shelf"
cp "$work/one/model.safetensors" "$work/shelf/one.safetensors"
RECRYST_MODELS=$work/shelf run 0 predict all "$work/odd.extxyz"
no_escapes "predict all"
out_has 'a?]0;b'
cp "$work/plain.extxyz" "$work/o$esc[1m.extxyz"
run 0 evaluate "$work/one" "$work/o$esc[1m.extxyz"
no_escapes evaluate
out_has 'o?[1m.extxyz'
run 0 predict "$work/one" "$work/odd.extxyz"
out_has "a$esc]0;b"
echo passed
