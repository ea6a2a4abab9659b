#!/usr/bin/env bash
# Tables as people write them: what the command says of their first line, and of rows that nobody asked for.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"

mkdir "$work/dir"
cp "$data"/examples/*.cif "$work/dir"
rows=$(awk -F, 'NR > 1 { print $1 "," $2 }' "$data/examples/formation_energy.csv")
small="--epochs 1 --batch-size 2 --atom-features 8 --hidden 8 --threads 1 --train-size 3 --val-size 1 --test-size 1"

# A first line that may be a row is told where it is taken as the header, and where it names its id it is not.
guess='id_prop.csv:1 is taken as the header (its second column is "energy"), not as a row'
printf 'compound,energy\n%s\n' "$rows" >"$work/dir/id_prop.csv"
run 0 train "$work/dir" $small --out "$work/run"
err_has "$guess"
run 0 evaluate "$work/run" "$work/dir"
err_has "$guess"
run 0 prepare "$work/dir" --out "$work/store"
err_has "$guess"
run 0 info "$work/dir"
out_has "$guess"
printf 'id,energy\n%s\n' "$rows" >"$work/dir/id_prop.csv"
run 0 info "$work/dir"
out_lacks "taken as the header"
run 0 evaluate "$work/run" "$work/dir"
err_lacks "taken as the header"

# What a split file does not list is left out, and told.
few="--epochs 1 --batch-size 2 --atom-features 8 --hidden 8 --threads 1"
printf 'id,part\nAlCu2Ag-Xa,train\nPt4-dhcp,val\nNiPt2-fcc111,test\n' >"$work/three.csv"
run 0 train "$work/dir" $few --split "$work/three.csv" --out "$work/listed"
err_has "note: 2 usable rows are not in three.csv and are left out"
printf 'Cu6Pd3-fcc-r395,train\n' >>"$work/three.csv"
run 0 train "$work/dir" $few --split "$work/three.csv" --out "$work/listed4"
err_has "note: 1 usable row is not in three.csv and is left out"
printf 'Al12Ag2Pt5-fcc-r874,train\n' >>"$work/three.csv"
run 0 train "$work/dir" $few --split "$work/three.csv" --out "$work/listed5"
err_lacks "left out"
run 1 train "$work/dir" $few --split radnom --out "$work/misspelt"
err_has "there is no such file of a split, and no such kind: random, reference, highest, lowest and sklearn"
