#!/usr/bin/env bash
# recryst convert: every format to every other and back, folders, cells, standard streams, and what can't be converted.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
cd "$work"

# close_to A B: the same words, numbers within 1e-9.
close_to() {
    paste -d ' ' "$1" "$2" | awk -v name="$1 and $2" '
        { n = NF / 2
          if (n != int(n)) { print name ": line " NR " has another number of words"; exit 1 }
          for (i = 1; i <= n; i++) {
              a = $i; b = $(i + n)
              if (a == b) continue
              gsub(/^[A-Za-z_]*="?|"$/, "", a); gsub(/^[A-Za-z_]*="?|"$/, "", b)
              if (a !~ /^[-+0-9.eE]+$/ || b !~ /^[-+0-9.eE]+$/ || a - b > 1e-9 || b - a > 1e-9) {
                  print name ": line " NR ": " $i " and " $(i + n); exit 1 } } }' >"$work/difference" 2>&1 ||
        fail "$(cat "$work/difference")"
    [ "$(wc -l <"$1")" -eq "$(wc -l <"$2")" ] || fail "$1 and $2 differ in length"
}

frames 120 source.extxyz
run 0 convert source.extxyz first.extxyz
err_has "120 structures converted"
same "$(grep -c '^Lattice=.*formation_energy=' first.extxyz)" 120 "frames with their target"

# Formats that hold orientation and order: there and back.
for format in json jsonl; do
    run 0 convert first.extxyz "there.$format"
    run 0 convert "there.$format" "back-$format.extxyz"
    close_to "back-$format.extxyz" first.extxyz
done
same "$(wc -l <there.jsonl)" 120 "lines of JSON"
# Threads change nothing; several inputs follow each other.
run 0 convert first.extxyz one-thread.json --threads 1
cmp one-thread.json there.json || fail "threads change the result"
run 0 convert first.extxyz "$data/examples" there.json more.jsonl --threads 3
same "$(wc -l <more.jsonl)" 245 "structures of several inputs"
# A CIF has no orientation: from the second time on nothing changes; nor does a folder of POSCARs, sorted by species.
for format in cif poscar; do
    run 0 convert first.extxyz "$format-1/" --to "$format"
    same "$(find "$format-1" -type f ! -name id_prop.csv | wc -l)" 120 "files in the folder"
    run 0 convert "$format-1" "once-$format.extxyz"
    run 0 convert "once-$format.extxyz" "$format-2/" --to "$format"
    run 0 convert "$format-2" "twice-$format.extxyz"
    close_to "once-$format.extxyz" "twice-$format.extxyz"
    cmp -s "$format-1/id_prop.csv" "$format-2/id_prop.csv" || fail "the targets in id_prop.csv changed"
    same "$(head -1 "$format-1/id_prop.csv")" "id,formation_energy" "id_prop.csv"
done
# The POSCARs keep the orientation: the cells are those of the source.
grep -o 'Lattice="[^"]*"' first.extxyz >cells-a
grep -o 'Lattice="[^"]*"' once-poscar.extxyz >cells-b
close_to cells-b cells-a
# A folder that convert wrote is a dataset.
run 0 train cif-1 --epochs 1 --batch-size 16 --atom-features 8 --hidden 8 --quiet --out run
# An archive is read like its folder.
tar -czf cif-1.tar.gz cif-1
run 0 convert cif-1.tar.gz packed.extxyz
cmp -s packed.extxyz once-cif.extxyz || fail "an archive is not read as its folder"

# Cells: rock salt from its cubic cell, by hand.
cat >nacl.vasp <<'END'
rock salt
5.64
1 0 0
0 1 0
0 0 1
Na Cl
4 4
Direct
0 0 0
0 .5 .5
.5 0 .5
.5 .5 0
.5 .5 .5
.5 0 0
0 .5 0
0 0 .5
END
run 0 convert nacl.vasp primitive.cif --primitive
run 0 info primitive.cif
out_has "Fm-3m"
out_has "2 sites"
out_has "a 3.9881, b 3.9881, c 3.9881 A; alpha 60.000, beta 60.000, gamma 60.000"
run 0 convert primitive.cif cubic.cif --conventional
run 0 info cubic.cif
out_has "8 sites"
out_has "a 5.6400, b 5.6400, c 5.6400 A; alpha 90.000, beta 90.000, gamma 90.000"
run 0 convert primitive.cif big.vasp --supercell 2 2 3
run 0 info big.vasp
out_has "24 sites"
run 0 convert nacl.vasp reduced.json --primitive --supercell 3,1,1 --reduce
run 0 info reduced.json
out_has "6 sites"
# Reducing comes before repeating.
out_has "a 11.9642, b 3.9881, c 3.9881" # 3 * 5.64 / sqrt 2

# A left-handed cell, twice as long as need be, in disguise; --no-idealize leaves the vectors where they are.
awk 'NR == 3 { print "-1 0 0"; next } { print }' nacl.vasp >left.vasp
run 0 convert left.vasp left2.json --supercell 1 1 2
run 0 convert left2.json left1.vasp --conventional --no-idealize
run 0 info left1.vasp
out_has "8 sites"
out_has "a 5.6400, b 5.6400, c 5.6400 A; alpha 90.000, beta 90.000, gamma 90.000"
run 0 convert left2.json left.cif --primitive
run 0 info left.cif
out_has "Fm-3m, number 225"
out_has "2 sites"

# Standard streams.
"$RECRYST" convert - - --to extxyz --quiet <nacl.vasp >stream.extxyz 2>err || fail "from and to standard streams: $(cat err)"
same "$(head -1 stream.extxyz)" 8 "sites from standard input"
same "$(wc -c <err)" 0 "bytes on standard error with --quiet"

# Disorder has a place in CIF and JSON alone.
cat >alloy.cif <<'END'
data_alloy
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
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
Au1 Au 0 0 0 0.75
Cu1 Cu 0 0 0 0.2
END
run 0 convert alloy.cif alloy.json
grep -q '"element": "Cu", "occu": 0.2' alloy.json || fail "the occupancy is lost in JSON"
run 0 convert alloy.json again.cif
same "$(grep -cE '^(Au|Cu)[0-9]* (Au|Cu) 0 0 0 0\.(75|2)$' again.cif)" 2 "species of the disordered site in CIF"
run 1 convert alloy.cif alloy.vasp
err_has "alloy.cif"
err_has "disorder"
[ ! -e alloy.vasp ] || fail "a file was written although nothing could be converted"

# A bad input costs a line, and the others go on; a folder gets a table of them.
echo "data_x" >bad.cif
run 0 convert nacl.vasp bad.cif missing.cif alloy.cif mixed/ --to poscar
err_has "3 could not be converted"
same "$(head -1 mixed/errors.csv)" "id,file,line,reason" "errors.csv"
same "$(grep -c '' mixed/errors.csv)" 4 "lines of errors.csv"
same "$(find mixed -name '*.vasp' | wc -l)" 1 "converted"
run 1 convert nacl.vasp bad.cif strict/ --to poscar --strict
err_has "bad.cif"
cp mixed/errors.csv errors-before.csv
run 1 convert nacl.vasp bad.cif mixed/ --to cif
err_has "mixed/errors.csv: the folder holds a table of errors already: give another folder, or --overwrite"
cmp -s mixed/errors.csv errors-before.csv || fail "the table of errors was replaced"
run 0 convert nacl.vasp mixed/ --to cif --errors none.csv
same "$(cat none.csv)" "id,file,line,reason" "--errors where nothing failed"
cmp -s mixed/errors.csv errors-before.csv || fail "--errors elsewhere replaced the folder's table"
run 0 convert nacl.vasp bad.cif mixed/ --to cif --overwrite
same "$(grep -c '' mixed/errors.csv)" 2 "errors that were to be replaced"
run 0 convert nacl.vasp mixed/ --to cif --overwrite
[ ! -e mixed/errors.csv ] || fail "the errors of an earlier conversion stay"
run 0 convert nacl.vasp alone.cif --errors none.csv
same "$(cat none.csv)" "id,file,line,reason" "--errors of a file where nothing failed"
run 0 convert bad.cif nacl.vasp good/ --to json --errors why.csv
[ ! -e good/errors.csv ] && grep -q '^bad,bad.cif,' why.csv || fail "--errors"
run 1 convert bad.cif nacl.vasp strict.jsonl --strict
[ ! -e strict.jsonl ] || fail "--strict wrote its file"
run 1 convert bad.cif nothing.cif
err_has "nothing could be converted"
echo 'file,y' >none.csv # what holds nothing is told, too
echo '{"data": []}' >none.json
for file in none.csv none.json; do
    run 1 convert $file nothing.cif
    err_has "$file: the file holds no structures"
done
run 1 convert nacl.vasp no/such/folder/x.cif
err_has "no/such/folder/x.cif"
run 1 convert nacl.vasp big.cif --supercell 10000 10000 10000
err_has "more than 10000000 sites"
[ ! -e big.cif ] && [ -z "$(find . -name '*tmp*')" ] || fail "something was left behind"
# Ids become names: none leads out of the folder, none is used twice, whatever the case.
printf '1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 id=%s\nCs 0 0 0\n' ../../up a/b A_b atom_init >ids.extxyz
run 0 convert ids.extxyz named/ --to json
same "$(cd named && ls | LC_ALL=C sort | tr '\n' ' ')" "A_b-2.json _._.._up.json a_b.json atom_init-2.json " "names by ids"

# Many of one id: each gets the next number that is free,.
awk 'BEGIN { for (i = 1; i <= 300; i++) {
    print "1\nLattice=\"3 0 0 0 3 0 0 0 3\" Properties=species:S:1:pos:R:3 id=" (i == 1 ? "a-3" : i % 2 ? "A" : "a")
    print "Cs 0 0 0" } }' >equal.extxyz
run 0 convert equal.extxyz equal/ --to extxyz
same "$(find equal -type f | wc -l)" 300 "files of one id"
[ -e equal/a.extxyz ] && [ -e equal/A-2.extxyz ] && [ -e equal/a-4.extxyz ] && [ -e equal/a-300.extxyz ] ||
    fail "the numbers of equal ids"

# Columns that mean something else in id_prop.csv are given another name there.
printf '1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 id=%s structure=7 File=8 File_value=9 gap=1.5\nCs 0 0 0\n' \
    one two >reserved.extxyz
run 0 convert reserved.extxyz reserved/ --to cif
err_has 'the values of "structure" are the column "structure_value" of id_prop.csv'
same "$(tr '\n' ' ' <reserved/id_prop.csv)" \
    "id,structure_value,File_value_value,File_value,gap one,7,8,9,1.5 two,7,8,9,1.5 " "reserved columns"
run 0 convert reserved reserved.json
same "$(grep -c '"gap": 1.5' reserved.json)" 2 "structures beside reserved columns"

# JSON that is written is read: a key once, and text that only looks like a number as it is.
printf '1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 id=k energy=1 energy=2 code=007\nCs 0 0 0\n' >keys.extxyz
run 0 convert keys.extxyz keys.json
run 0 convert keys.json keys-back.extxyz
grep -q ' energy=1 code=007 ' keys-back.extxyz || fail "keys through JSON: $(sed -n 2p keys-back.extxyz)"

# The words of two classes are numbers of id_prop.csv, however they are written.
printf '1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 id=%s metal=%s\nCs 0 0 0\n' one T two False >words.extxyz
run 0 convert words.extxyz words/ --to cif
same "$(tr '\n' ' ' <words/id_prop.csv)" "id,metal one,T two,False " "words of two classes"

# What a folder holds is replaced only when that is asked for: neither targets nor structures are lost.
printf '1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 id=%s gap=1.5\nCs 0 0 0\n' one two >gaps.extxyz
run 0 convert gaps.extxyz dataset/ --to cif
echo "one,9" >dataset/id_prop.csv
echo "mine" >dataset/three.cif
cp -r dataset before
run 1 convert gaps.extxyz dataset/ --to poscar
err_has "dataset/id_prop.csv: the folder holds a dataset already: give another folder, or --overwrite"
rm dataset/id_prop.csv dataset/one.cif
run 1 convert gaps.extxyz dataset --to cif
err_has "dataset/two.cif: the folder holds this file already: give another folder, or --overwrite"
[ ! -e dataset/one.cif ] || fail "a part was written although something would be replaced"
[ ! -e dataset/id_prop.csv ] || fail "targets were written although a structure would be replaced"
run 0 convert gaps.extxyz dataset/ --to poscar # other names are no hindrance
rm -r dataset
cp -r before dataset
run 0 convert gaps.extxyz dataset/ --to cif --overwrite
same "$(tr '\n' ' ' <dataset/id_prop.csv)" "id,gap one,1.5 two,1.5 " "targets that were to be replaced"
same "$(cat dataset/three.cif)" mine "what has another name"

# What makes no sense is said, and nothing is written.
run 2 convert
err_has "nothing given"
run 2 convert nacl.vasp
err_has "no output given"
run 2 convert nacl.vasp out.abc
err_has "give --to"
run 2 convert nacl.vasp a.cif --primitive --conventional
err_has "exclude each other"
run 2 convert nacl.vasp a.cif --supercell 0 1 1
err_has "--supercell takes the whole numbers A B C from 1 to 10000, not '0,1,1'"
run 2 convert nacl.vasp a.cif --supercell 2,2
err_has "three numbers"
run 2 convert first.extxyz one.cif
err_has "one.cif holds one structure"
[ ! -e one.cif ] || fail "one.cif was written"
run 2 convert first.extxyz folder/
err_has "give --to"
run 2 convert nacl.vasp a.cif --no-idealize
run 2 convert nacl.vasp a.cif --supercell 2 0 2
run 2 convert - - x.json
err_has "only once"
run 2 convert cif-1 cif-1 --to cif
err_has "can't be read and written at once"

# Other programs read the same crystals.
if [ -n "${RECRYST_VENV:-}" ] && "$RECRYST_VENV/bin/python" -c 'import pymatgen.core, ase, gemmi' 2>/dev/null; then
    run 0 convert there.json peers.extxyz
    "$RECRYST_VENV/bin/python" - <<'END' || fail "pymatgen or ASE reads something else"
import glob, json, os
import numpy as np, ase.io, gemmi
from pymatgen.core import Structure
from pymatgen.io.cif import CifParser
frames = {a.info["id"]: a for a in ase.io.read("peers.extxyz", ":")}
assert len(frames) == 120
for name, a in frames.items():
    want = Structure(a.cell.array, a.get_chemical_symbols(), a.get_scaled_positions())
    for path in (f"cif-1/{name}.cif", f"poscar-1/{name}.vasp"):
        # Without its own rounding of what is nearly a third.
        got = (CifParser(path, frac_tolerance=0).parse_structures(primitive=False)[0] if path.endswith("cif")
               else Structure.from_file(path))
        assert got.composition == want.composition, path
        assert np.allclose(got.lattice.parameters, want.lattice.parameters, rtol=0, atol=1e-8), path
        assert np.allclose(np.sort(got.distance_matrix.ravel()), np.sort(want.distance_matrix.ravel()), rtol=0, atol=1e-7), path
    small = gemmi.read_small_structure(f"cif-1/{name}.cif")
    assert len(small.get_all_unit_cell_sites()) == len(a), name
rows = json.load(open("there.json"))
for row in rows:
    s = Structure.from_dict(row)
    a = frames[row["id"]]
    assert np.allclose(s.cart_coords, a.positions, rtol=0, atol=1e-9)
END
else
    echo "not compared with pymatgen, ASE and gemmi: RECRYST_VENV names no environment with them"
fi
# A stop is seen while standard input has nothing to give, at the first signal.
mkfifo "$work/waits"
exec 9<>"$work/waits"
head -2 "$data/alloys.extxyz" >&9
"$RECRYST" convert - - --to extxyz <"$work/waits" >"$work/out" 2>"$work/err" &
pid=$!
sleep 1 # its handler is in place, and it waits for more
kill -TERM $pid
for _ in $(seq 100); do
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
done
! kill -0 $pid 2>/dev/null || {
    kill -9 $pid
    fail "convert - waits on after a signal"
}
code=0
wait $pid || code=$?
exec 9>&-
same "$code" 3 "exit code of an interrupted convert -"
err_has interrupted
echo passed
