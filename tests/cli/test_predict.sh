#!/usr/bin/env bash
# recryst predict and evaluate.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
small_model
examples=$data/examples
model=$work/run/model.safetensors
column() { tail -n +2 "$work/out" | cut -d, -f"$1"; }

# Single files: the order given, twice the same, unusable ones between them.
printf 'data_x\n_cell_length_a 3\n' >"$work/broken.cif"
printf 'not a structure\n' >"$work/text.dat"
run 0 predict "$model" "$examples/Pt4-dhcp.cif" "$work/broken.cif" "$examples/AlCu2Ag-Xa.cif" "$work/none.cif" \
    "$work/text.dat" "$examples/Pt4-dhcp.cif"
same "$(head -1 "$work/out")" id,prediction,lower,upper,domain,error header
same "$(column 1 | tr '\n' ' ')" "Pt4-dhcp broken AlCu2Ag-Xa none text Pt4-dhcp " "order of the rows"
same "$(column 2 | sed -n '2p;4p;5p' | tr -d '\n')" "" "predictions of unusable inputs"
same "$(sed -n 2p "$work/out")" "$(sed -n 7p "$work/out")" "two predictions of a file"
out_has "$work/none.cif: can't open"
out_has "$work/broken.cif"
out_has "$work/text.dat: the format is not known"
err_has "3 inputs could not be used"
err_has "eV/atom"

first=$(sed -n 2p "$work/out")
echo 'file,y' >"$work/none.csv"
run 1 predict "$work/run" "$work/none.csv"
out_has "none.csv: the dataset has no rows"

# A run directory, a shipped name and the file are the same model.
run 0 predict "$work/run" "$examples/Pt4-dhcp.cif"
same "$(sed -n 2p "$work/out")" "$first" "prediction by run directory"
mkdir "$work/shelf"
cp "$model" "$work/shelf/alloys-small.safetensors"
export RECRYST_MODELS=$work/shelf
run 0 predict alloys-small "$examples/Pt4-dhcp.cif"
same "$(sed -n 2p "$work/out")" "$first" "prediction by name"
run 1 predict alloys-smal "$examples/Pt4-dhcp.cif"
err_has "did you mean 'alloys-small'?"
run 1 predict qqqq "$examples/Pt4-dhcp.cif"
err_has "alloys-small"
RECRYST_MODELS=

# Folders: the structure files in them, sorted, not those further down; with their neighbors the same values.
mkdir -p "$work/folder/deeper"
cp "$examples"/*.cif "$work/folder"
cp "$examples/Pt4-dhcp.cif" "$work/folder/deeper/hidden.cif"
echo hello >"$work/folder/readme.txt"
run 0 predict "$model" "$work/folder"
same "$(column 1 | tr '\n' ' ')" "Al12Ag2Pt5-fcc-r874 AlCu2Ag-Xa Cu6Pd3-fcc-r395 NiPt2-fcc111 Pt4-dhcp " "files of a folder"
grep -qxF "$first" "$work/out" || fail "the company changes a prediction"
cp "$work/out" "$work/folder.csv"
for threads in 1 3; do
    run 0 predict "$model" "$work/folder" --threads $threads
    cmp -s "$work/out" "$work/folder.csv" || fail "threads change predictions"
done
tar cf "$work/folder.tar" -C "$work" folder/Al12Ag2Pt5-fcc-r874.cif folder/AlCu2Ag-Xa.cif folder/Cu6Pd3-fcc-r395.cif \
    folder/NiPt2-fcc111.cif folder/Pt4-dhcp.cif
run 0 predict "$model" "$work/folder.tar"
cmp -s "$work/out" "$work/folder.csv" || fail "an archive gives other rows than its folder"
mkdir "$work/empty"
run 1 predict "$model" "$work/empty"
out_has "holds no structure file"
out_has "; folders in it are not looked into"
err_has "nothing could be predicted"
# One whose files are all something else's has a row too, packed or not, beside others.
mkdir "$work/foreign"
echo '{"a": 1}' >"$work/foreign/settings.json"
tar cf "$work/foreign.tar" -C "$work" foreign/settings.json
run 0 predict "$model" "$work/foreign" "$examples/Pt4-dhcp.cif" "$work/foreign.tar"
same "$(column 1 | tr '\n' ' ')" "foreign Pt4-dhcp foreign " "rows of folders without structures"
out_has "$work/foreign: holds no structures"
out_has "$work/foreign.tar: holds no structures"
err_has "2 inputs could not be used"
run 1 predict "$model" "$work/foreign"
err_has "nothing could be predicted"

# A dataset: rows in the order of id_prop.csv, targets or not.
cp -r "$work/folder" "$work/set"
printf 'Pt4-dhcp\nmissing\nAlCu2Ag-Xa\n' >"$work/set/id_prop.csv"
run 0 predict "$model" "$work/set"
same "$(column 1 | tr '\n' ' ')" "Pt4-dhcp missing AlCu2Ag-Xa " "rows of a dataset"
same "$(sed -n 2p "$work/out")" "$first" "prediction of a dataset's row"
out_has "missing.cif"
run 0 predict "$model" "$work/set" --format jsonl
same "$(grep -cF "\"file\": \"$work/set\"" "$work/out")" 3 "rows whose file is the dataset, the bad one among them"
run 0 predict "$model" "$data/alloys.tar.zst"
same "$(wc -l <"$work/out")" 1501 "rows of the packed demo data"

# One without a usable row has its rows all the same, each with its reason.
mkdir "$work/unusable"
printf 'a,1\nb,2\n' >"$work/unusable/id_prop.csv"
printf 'id,file\nc,nowhere.cif\nd,nowhere-else.cif\n' >"$work/unusable.csv"
run 1 predict "$model" "$work/unusable" "$work/unusable.csv"
same "$(column 1 | tr '\n' ' ')" "a b c d " "rows of datasets without a usable one"
out_has "a.cif: can't open"
out_has "nowhere-else.cif: can't open"

# Frames: a row each, a bad one between good ones costs one row; more than one chunk of them.
run 0 predict "$model" "$work/small.extxyz"
same "$(column 1 | wc -l)" 80 "rows of 80 frames"
same "$(column 1 | sed -n 1p)" Al-fcc "id of the first frame"
run 0 predict "$model" "$data/alloys.extxyz" "$data/alloys.extxyz"
same "$(wc -l <"$work/out")" 3001 "rows of two files of 1,500 frames"
same "$(sed -n '2,1501p' "$work/out" | md5sum)" "$(sed -n '1502,3001p' "$work/out" | md5sum)" "the same file twice"
sed -e 's/ id=[^ ]*//' -e '5s/R:3/R:x/' "$work/small.extxyz" | head -9 >"$work/three.xyz"
run 0 predict "$model" "$work/three.xyz"
same "$(column 1 | tr '\n' ' ')" "three-1 three-2 three-3 " "ids of frames without ids"
same "$(sed -n 3p "$work/out" | cut -d, -f2)" "" "prediction of a bad frame"
out_has "three.xyz:5:"
[ -n "$(sed -n 4p "$work/out" | cut -d, -f2)" ] || fail "the frame after a bad one is lost"

# JSON lines say the same as CSV.
run 0 predict "$model" "$work/folder" "$work/none.cif" --format jsonl --plain
same "$(grep -c '^{"id": "[^"]*", "file": "[^"]*", "prediction": [-0-9.e]*, "error": null}$' "$work/out")" 5 "objects"
grep -qF '"prediction": null, "error": "' "$work/out" || fail "no object for an unusable input"
same "$(sed -nE 's/.*"id": "([^"]*)".*"prediction": ([^,]*), "error": null.*/\1,\2,/p' "$work/out")" \
    "$(tail -n +2 "$work/folder.csv" | cut -d, -f1,2 | sed 's/$/,/')" "JSON against CSV"

# Files: whole or not at all.
run 0 predict "$model" "$work/folder" --out "$work/p.csv"
cmp -s "$work/p.csv" "$work/folder.csv" || fail "--out differs from standard output"
same "$(wc -c <"$work/out")" 0 "bytes of standard output with --out"
# A link stays, and leads to the new file; a name of standard output is no file to be replaced, whatever is behind it.
mkdir "$work/far"
echo old >"$work/far/p.csv"
ln -s far/p.csv "$work/link.csv"
run 0 predict "$model" "$work/folder" --out "$work/link.csv"
same "$(readlink "$work/link.csv")" far/p.csv "a link given to --out"
cmp -s "$work/far/p.csv" "$work/folder.csv" || fail "--out of a link does not write what it leads to"
ln -s /proc/self/fd/1 "$work/stdout" # as /dev/stdout is one, which a mistake of root's would take from the whole machine
if [ -d /proc/self/fd ]; then
    for input in "$work/folder" -; do
        "$RECRYST" predict "$model" "$input" --out "$work/stdout" >"$work/out" 2>"$work/err" <"$data/alloys.extxyz" || fail "--out /dev/stdout, of $input"
        same "$(readlink "$work/stdout")" /proc/self/fd/1 "a link to standard output"
        out_has id,prediction
        [ "$input" = - ] || cmp -s "$work/out" "$work/folder.csv" || fail "--out /dev/stdout differs from standard output"
    done
fi
run 1 predict "$model" "$work/folder" "$work/none.cif" --strict --out "$work/strict.csv"
[ ! -e "$work/strict.csv" ] || fail "--strict left a file"
err_has "$work/none.cif: can't open"
run 1 predict "$model" "$work/none.cif" "$work/broken.cif"
err_has "nothing could be predicted"
same "$(wc -l <"$work/out")" 3 "rows where nothing could be predicted"
run 1 predict "$model" "$work/folder" --out "$work/no/such/folder.csv"
err_has "$work/no/such/folder.csv"
if [ -e /dev/full ]; then
    code=0
    "$RECRYST" predict "$model" "$data/alloys.extxyz" >/dev/full 2>"$work/err" || code=$?
    same "$code" 1 "exit code on a full device"
    err_has "can't write to standard output"
    run 1 predict "$model" "$data/alloys.extxyz" --out /dev/full
    err_has "/dev/full"
fi
# A reader who leaves early: no words, exit code 1.
("$RECRYST" predict "$model" "$data/alloys.extxyz" "$data/alloys.extxyz" 2>"$work/err" || echo $? >"$work/code") | head -1 >"$work/out"
same "$(cat "$work/code")" 1 "exit code on a closed pipe"
err_lacks error

# Models that are none.
echo nonsense >"$work/x.safetensors"
run 1 predict "$work/x.safetensors" "$examples/Pt4-dhcp.cif"
err_has "x.safetensors"
run 2 predict "$model" "$examples/Pt4-dhcp.cif" --kernels fast
err_has "fast"

# A level of intervals that there cannot be.
run 2 predict "$model" "$examples/Pt4-dhcp.cif" --steps 2 --level 0.5
err_has "those of all its steps: --level does not go with --steps 2"
err_lacks "--calibrate"
awk '{ if (match($0, /formation_energy=[^ ]+/))
           $0 = substr($0, 1, RSTART - 1) "high=" (substr($0, RSTART + 17, RLENGTH - 17) > 0.03) substr($0, RSTART + RLENGTH)
       print }' "$work/small.extxyz" >"$work/classes.extxyz"
run 0 train "$work/classes.extxyz" --target high --task classification --epochs 1 --batch-size 16 --atom-features 16 \
    --hidden 16 --quiet --out "$work/classes"
run 2 predict "$work/classes" "$examples/Pt4-dhcp.cif" --level 0.5
err_has "the probability of a class, which has none"
err_lacks "--calibrate"

# evaluate agrees with predict, row for row.
run 0 evaluate "$work/run" "$work/small.extxyz" --out "$work/e.csv"
out_has "MAE"
out_has "standard deviation"
same "$(head -1 "$work/e.csv")" id,target,prediction,lower,upper,domain "header of evaluate --out"
run 0 predict "$work/run" "$work/small.extxyz"
same "$(tail -n +2 "$work/e.csv" | cut -d, -f1,3)" "$(tail -n +2 "$work/out" | cut -d, -f1,2)" "evaluate against predict"
mae=$(awk -F, 'NR > 1 { d = $2 - $3; s += d < 0 ? -d : d; n++ } END { printf "%.5f", s / n }' "$work/e.csv")
run 0 evaluate "$work/run" "$work/small.extxyz"
out_has " $mae "
# The test rows: the same predictions as training wrote.
cut -d, -f1-3 "$work/e.csv" >"$work/e3.csv"
while IFS=, read -r id target prediction; do
    grep -qxF "$id,$target,$prediction" "$work/e3.csv" || fail "training predicted $prediction for $id, evaluate does not"
done <"$work/run/predictions-test.csv"
# Chosen rows alone: as a list of ids has them, in the order of the data, with the scores that training told of them.
tail -n +2 "$work/run/predictions-test.csv" | cut -d, -f1 | sort -r >"$work/ids"
printf '\357\273\277%s  \r\n\n%s\n' nowhere "$(cat "$work/ids")" >"$work/ids.txt"
run 0 evaluate "$work/run" "$work/small.extxyz" --ids "$work/ids.txt" --out "$work/chosen.csv" --calibration "$work/levels.csv"
err_has "1 of the ids of $work/ids.txt is that of no usable row"
same "$(cat "$work/chosen.csv")" "$(head -1 "$work/e.csv"; grep -F -f <(sed 's/.*/&,/; s/^/,/' "$work/ids") <(sed 's/^/,/' "$work/e.csv") | sed 's/^,//')" \
    "rows of the ids"
same "$(awk -F, 'NR > 1 { print $7 }' "$work/levels.csv" | sort -u)" "$(wc -l <"$work/ids")" "rows behind the levels"
mae=$(awk -F, 'NR > 1 { d = $2 - $3; s += d < 0 ? -d : d; n++ } END { printf "%.5f", s / n }' "$work/chosen.csv")
out_has " $mae "
run 0 evaluate "$work/run" "$work/small.extxyz" --ids "$work/ids.txt" --quiet
err_lacks "of the ids"
echo nowhere >"$work/ids.txt"
run 1 evaluate "$work/run" "$work/small.extxyz" --ids "$work/ids.txt"
err_has "none of its 1 ids is that of a usable row"
: >"$work/ids.txt"
run 1 evaluate "$work/run" "$work/small.extxyz" --ids "$work/ids.txt"
err_has "it lists no ids"
run 1 evaluate "$work/run" "$work/small.extxyz" --ids "$work/absent.txt"
err_has "absent.txt"
run 2 evaluate "$work/run" "$work/small.extxyz" --target band_gap
err_has "band_gap"
sed 's/formation_energy=/other=/' "$work/small.extxyz" >"$work/other.extxyz"
# Data without the model's target are scored against another column only where that is said.
run 2 evaluate "$work/run" "$work/other.extxyz"
err_has 'for the target "formation_energy"; keys with numbers are: other'
err_has "the model predicts formation_energy; --target NAME scores it against another column"
same "$(cat "$work/out")" "" "scores against a column that was not asked for"
run 0 prepare "$work/other.extxyz" --out "$work/other.store"
run 2 evaluate "$work/run" "$work/other.store"
err_has "--target NAME"
for other in other.extxyz other.store; do
    run 0 evaluate "$work/run" "$work/$other" --target other --out "$work/e-other.csv"
    cmp -s "$work/e-other.csv" "$work/e.csv" || fail "scores of $other against another column"
done
# A table without a header has no name for its column.
mkdir "$work/unnamed"
cp "$examples/"*.cif "$work/unnamed"
for cif in "$examples/"*.cif; do echo "$(basename "$cif" .cif),0.5"; done >"$work/unnamed/id_prop.csv"
run 0 evaluate "$work/run" "$work/unnamed" --out "$work/e-unnamed.csv"
same "$(wc -l <"$work/e-unnamed.csv")" 6 "rows of a table without a header"
run 1 evaluate "$work/run" "$work/nothing"
err_has "nothing"
# Of a model of several targets its own names come in any order; none of them is compared with another target.
awk '/formation_energy=/ { $0 = $0 " volume=" 10 + NR " other=" NR } { print }' "$work/small.extxyz" >"$work/two.extxyz"
run 0 train "$work/two.extxyz" --target formation_energy,volume --epochs 1 --batch-size 16 --atom-features 8 --hidden 8 \
    --threads 2 --out "$work/two"
run 0 evaluate "$work/two" "$work/two.extxyz" --out "$work/two.csv"
cp "$work/out" "$work/two.out"
for names in formation_energy,volume volume,formation_energy " volume , formation_energy"; do
    run 0 evaluate "$work/two" "$work/two.extxyz" --target "$names" --out "$work/two.csv"
    same "$(cat "$work/out")" "$(cat "$work/two.out")" "scores of the targets $names"
done
run 0 evaluate "$work/two" "$work/two.extxyz" --target formation_energy,other
out_has "The targets (other)"
for names in volume,other other,formation_energy; do
    run 2 evaluate "$work/two" "$work/two.extxyz" --target "$names"
    err_has "would be compared with the model's target"
done
run 2 evaluate "$work/two" "$work/two.extxyz" --target volume,volume
err_has "volume"
run 0 ensemble "$work/two" "$work/two" "$work/plain.safetensors" --calibrate "$work/two.extxyz" --quiet
run 0 ensemble "$work/two" "$work/two" "$work/crossed.safetensors" --calibrate "$work/two.extxyz" --quiet \
    --target volume,formation_energy
cmp "$work/plain.safetensors" "$work/crossed.safetensors" || fail "intervals of the targets in another order"
run 2 ensemble "$work/two" "$work/two" "$work/third.safetensors" --calibrate "$work/two.extxyz" \
    --target volume,other
err_has "would be compared with the model's target"
echo passed
