#!/usr/bin/env bash
# recryst explain, and predict --steps.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
small_model
examples=$data/examples
model=$work/run

# Text: the prediction is that of predict, steps and elements are there.
run 0 predict "$model" "$examples/AlCu2Ag-Xa.cif"
prediction=$(sed -n 2p "$work/out" | cut -d, -f2)
run 0 explain "$model" "$examples/AlCu2Ag-Xa.cif"
out_has "formation_energy $(printf '%.3f' "$prediction" | cut -c1-5)"
out_has "baseline"
out_has "(the element vectors)"
out_has "Cu         2 atoms"

# CSV: contributions add up to the prediction less the baseline that JSON tells; elements are the sums of their atoms.
run 0 explain "$model" "$examples" --format jsonl --out "$work/all.jsonl"
run 0 explain "$model" "$examples" --format csv --out "$work/atoms.csv"
run 0 explain "$model" "$examples" --format csv --what elements --out "$work/elements.csv"
run 0 explain "$model" "$examples" --format csv --what steps --out "$work/steps.csv"
run 0 predict "$model" "$examples" --out "$work/predictions.csv"
same "$(head -1 "$work/atoms.csv")" id,atom,element,input,readout "header of atoms"
same "$(head -1 "$work/elements.csv")" id,element,atoms,input,readout "header of elements"
same "$(head -1 "$work/steps.csv")" id,step,prediction,change "header of steps"
same "$(grep -c '^AlCu2Ag-Xa,' "$work/atoms.csv")" 4 "rows of a crystal's atoms"
same "$(grep -c '^AlCu2Ag-Xa,' "$work/elements.csv")" 3 "rows of a crystal's elements"
same "$(grep -c '^AlCu2Ag-Xa,' "$work/steps.csv")" 4 "rows of a crystal's steps"
awk -F, 'function abs(x) { return x < 0 ? -x : x }
    FNR == 1 { file++; next }
    file == 1 { prediction[$1] = $2 }
    file == 2 { input[$1] += $4; readout[$1] += $5; one[$1 "," $3] += $4 }
    file == 3 { n++; if (abs(one[$1 "," $2] - $4) > 1e-9) { print "element " $0; bad = 1 } }
    file == 4 { if ($2 == 3 && abs($3 - prediction[$1]) > 1e-5) { print "step " $0; bad = 1 }
                if (($2 == 0) != ($4 == "")) { print "change " $0; bad = 1 } }
    END { exit bad || n < 8 }' "$work/predictions.csv" "$work/atoms.csv" "$work/elements.csv" "$work/steps.csv" ||
    fail "tables of explain disagree"
value() { grep -o "\"$1\": [^,}]*" "$work/all.jsonl" | sed -n "$2p" | cut -d' ' -f2; }
for crystal in 1 3; do
    id=$(sed -n "$((crystal + 1))p" "$work/predictions.csv" | cut -d, -f1)
    awk -F, -v id="$id" -v value="$(value value $crystal)" -v base="$(value input_baseline $crystal)" \
        -v readout_base="$(value readout_baseline $crystal)" -v gap="$(value input_gap $crystal)" '
        function abs(x) { return x < 0 ? -x : x }
        $1 == id { input += $4; readout += $5 }
        END { exit abs(readout - value + readout_base) > 1e-6 || abs(input - value + base - gap) > 1e-5 }' \
        "$work/atoms.csv" || fail "contributions of $id do not add up"
done

# What goes wrong.
run 2 explain "$model" "$examples" --what steps
err_has "--format csv"
run 2 explain "$model"
run 2 explain "$model" "$examples" --target nothing
err_has "nothing"
run 1 explain "$model" "$work/none.cif"
err_has "nothing could be explained"
run 0 explain "$model" "$work/none.cif" "$examples/Pt4-dhcp.cif"
err_has "none can't be explained"
run 1 explain "$model" "$work/none.cif" "$examples/Pt4-dhcp.cif" --strict --out "$work/strict.txt"
[ ! -e "$work/strict.txt" ] || fail "--strict leaves an output"

# Fewer steps: what explain says after them; more are refused, and so are those of CGCNN.
for steps in 1 2 3; do
    run 0 predict "$model" "$examples" --steps $steps --plain
    cp "$work/out" "$work/short.csv"
    awk -F, -v steps=$steps 'function abs(x) { return x < 0 ? -x : x }
        FNR == 1 { file++; next }
        file == 1 { prediction[$1] = $2; n++ }
        file == 2 && $2 == steps && abs($3 - prediction[$1]) > 1e-5 { bad = 1 }
        END { exit bad || n != 5 }' "$work/short.csv" "$work/steps.csv" || fail "$steps steps differ from explain's"
done
run 2 predict "$model" "$examples" --steps 4
err_has "norms for 3"
run 0 train "$work/small.extxyz" --target formation_energy --model cgcnn --layers 2 --epochs 1 --batch-size 16 \
    --atom-features 8 --hidden 8 --out "$work/layers"
run 2 predict "$work/layers" "$examples" --steps 1
err_has "SR-CGCNN"
run 0 explain "$work/layers" "$examples/Pt4-dhcp.cif"
out_has "layer"
