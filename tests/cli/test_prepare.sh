#!/usr/bin/env bash
# recryst prepare: a store in place of the files, and kill -9 at any moment.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
store=$work/demo.store

run 0 prepare "$data/alloys.tar.zst" --out "$store" --threads 2
err_has "added 1,500 rows"
err_has "1,500 rows, 1,500 usable"
size=$(wc -c <"$store")
run 0 info "$store"
out_has "1,500 rows, 1,500 usable"
out_has "targets    formation_energy"
out_has "radius 8, 12 neighbors, padding none, ties cut"
run 0 info "$data/alloys.tar.zst"
atoms=$(sed -nE 's/^atoms .* ([0-9.]+) on average.*/\1/p' "$work/out")
awk -v size="$size" -v atoms="$atoms" 'BEGIN { exit !(size / (1500 * atoms) <= 110) }' ||
    fail "$size bytes for 1,500 crystals of $atoms atoms are more than 110 an atom"
run 0 prepare "$data/alloys.tar.zst" --out "$store"
err_has "has all rows of these data already"

# It keeps no structures, which is said where they are wanted.
run 1 graph "$store"
err_has "a graph store keeps graphs and targets, no structures"
run 1 convert "$store" "$work/all.jsonl"
err_has "a graph store keeps graphs and targets, no structures"
run 0 convert "$store" "$data/examples/Pt4-dhcp.cif" "$work/cifs/" --to cif
grep -q "a graph store keeps graphs" "$work/cifs/errors.csv" || fail "errors.csv of convert does not say what a store is"

# A file that is none is left as it is, and told from a store that is damaged.
cp "$data/examples/Pt4-dhcp.cif" "$work/crystal.cif"
run 1 prepare "$data/alloys.tar.zst" --out "$work/crystal.cif"
err_has "crystal.cif: this is no graph store"
err_lacks "damaged"
cmp -s "$work/crystal.cif" "$data/examples/Pt4-dhcp.cif" || fail "a crystal is changed"
head -c 5000 "$store" >"$work/cut.store"
run 1 train "$work/cut.store" --out "$work/none"
err_has "damaged or cut off"

# The command line.
run 2 prepare
err_has "no data given"
run 2 prepare "$data/alloys.tar.zst"
err_has "no store given"
run 1 prepare "$data/alloys.tar.zst" --out "$store" --radius 6
err_has "radius is 8 and 6 is wanted"
run 1 train "$store" --max-neighbors 8 --out "$work/none"
err_has "max_neighbors is 12 and 8 is wanted"
run 1 prepare "$work/absent" --out "$work/x.store"
err_has "no such file"

# Training, scoring and predicting are the same, bit for bit.
for from in "$data/alloys.tar.zst" "$store"; do
    name=$(basename "$from")
    run 0 train "$from" --target formation_energy --epochs 1 --atom-features 16 --hidden 16 --threads 2 \
        --out "$work/run-$name"
    run 0 evaluate "$work/run-$name" "$from" --out "$work/$name-scored.csv"
    run 0 predict "$work/run-$name" "$from" --out "$work/$name-predicted.csv"
done
for file in model.safetensors predictions-test.csv predictions-train.csv predictions-val.csv errors.csv; do
    cmp "$work/run-alloys.tar.zst/$file" "$work/run-demo.store/$file" || fail "$file differs"
done
cmp "$work/alloys.tar.zst-scored.csv" "$work/demo.store-scored.csv" || fail "scores differ"
cmp "$work/alloys.tar.zst-predicted.csv" "$work/demo.store-predicted.csv" || fail "predictions differ"

# A store that is being prepared is killed again and again, each time at another moment; what is left is always a store
# that is read or says how to go on, and what comes out is the store that was never disturbed.
mkdir "$work/packed"
(cd "$work/packed" && cmake -E tar xf "$data/alloys.tar.zst") # tar would want zstd's program
mv "$(dirname "$(find "$work/packed" -name id_prop.csv)")" "$work/unpacked"
# Many rows of the same crystals, so that there are many batches.
awk -F, 'NR == 1 { print "id,file," $2 } NR > 1 { for (k = 0; k < 8; k++) print $1 "-" k "," $1 ".cif," $2 }' \
    "$work/unpacked/id_prop.csv" >"$work/unpacked/many.csv"
run 0 prepare "$work/unpacked/many.csv" --out "$work/whole.store" --threads 2
run 0 info "$work/whole.store"
sed -n 's/.*sha256 //p' "$work/out" >"$work/whole.sha256"
# The store's SHA-256 is of the structures' text as well, not only of ids and values.
mkdir "$work/few"
head -3 "$work/unpacked/id_prop.csv" >"$work/few/id_prop.csv"
for id in $(tail -n 2 "$work/few/id_prop.csv" | cut -d, -f1); do cp "$work/unpacked/$id.cif" "$work/few"; done
for time in before same after; do
    [ $time != after ] || echo "# seen again" >>"$work/few/$id.cif"
    run 0 prepare "$work/few" --out "$work/$time.store" --quiet
    run 0 info "$work/$time.store"
    sed -n 's/.*sha256 //p' "$work/out" >"$work/$time.sha256"
done
[ "$(wc -l <"$work/before.sha256")" -eq 1 ] && cmp -s "$work/before.sha256" "$work/same.sha256" || fail "the same data have another SHA-256"
! cmp -s "$work/before.sha256" "$work/after.sha256" || fail "other structures have the same SHA-256"
killed=0
for pause in 0.01 0.03 0.02 0.06 0.04 0.09 0.05 0.12 0.07 0.15 0.02 0.1 0.03 0.2 0.08 0.3; do
    "$RECRYST" prepare "$work/unpacked/many.csv" --out "$work/killed.store" --threads 2 --quiet 2>/dev/null &
    job=$!
    sleep "$pause"
    kill -9 "$job" 2>/dev/null && killed=$((killed + 1))
    wait "$job" 2>/dev/null || true
    [ -e "$work/killed.store" ] || continue
    run 0 info "$work/killed.store"
    if grep -q "NOT FINISHED" "$work/out"; then
        run 1 predict "$work/run-demo.store" "$work/killed.store"
        err_has "the store is not finished"
    fi
done
[ "$killed" -gt 2 ] || fail "only $killed runs were killed"
run 0 prepare "$work/unpacked/many.csv" --out "$work/killed.store" --threads 2
run 0 info "$work/killed.store"
sed -n 's/.*sha256 //p' "$work/out" >"$work/killed.sha256"
cmp "$work/whole.sha256" "$work/killed.sha256" || fail "the killed store is not the whole one"
for name in whole killed; do run 0 predict "$work/run-demo.store" "$work/$name.store" --out "$work/$name.csv"; done
cmp "$work/whole.csv" "$work/killed.csv" || fail "predictions from the killed store differ"

# Killed while it grows, a store stays what it was until the growing is finished.
head -n 4001 "$work/unpacked/many.csv" >"$work/unpacked/first.csv"
run 0 prepare "$work/unpacked/first.csv" --out "$work/grown.store" --quiet
run 0 predict "$work/run-demo.store" "$work/grown.store" --out "$work/before.csv"
for pause in 0.05 0.02 0.08 0.01 0.1; do
    "$RECRYST" prepare "$work/unpacked/many.csv" --out "$work/grown.store" --append --threads 2 --quiet 2>/dev/null &
    job=$!
    sleep "$pause"
    kill -9 "$job" 2>/dev/null || true
    wait "$job" 2>/dev/null || true
    run 0 predict "$work/run-demo.store" "$work/grown.store" --out "$work/after.csv"
    cmp -s "$work/before.csv" "$work/after.csv" || cmp "$work/whole.csv" "$work/after.csv" ||
        fail "a store that grows is neither what it was nor what it becomes"
done
run 0 prepare "$work/unpacked/many.csv" --out "$work/grown.store" --append --quiet
run 0 predict "$work/run-demo.store" "$work/grown.store" --out "$work/after.csv"
cmp "$work/whole.csv" "$work/after.csv" || fail "the grown store is not the whole one"
