#!/usr/bin/env bash
# The command that report.html gives for repeating a run makes the same model, byte for byte.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir "it's data"
awk -v n=40 'BEGIN {
    split("Al Cu Fe Ni", symbol, " ")
    table = "it'"'"'s data/id_prop.csv"
    print "id,energy <eV>,what it counts,class" > table
    for (i = 0; i < n; i++) {
        a = 3.5 + 0.01 * i
        printf "c%d,%.4f,%d,%d\n", i, (i % 4) * 0.3 + a, i % 5, i % 3 == 0 > table
        file = "it'"'"'s data/c" i ".cif"
        printf "data_c\n_cell_length_a %.3f\n_cell_length_b %.3f\n_cell_length_c %.3f\n", a, a, a > file
        printf "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n" > file
        printf "_symmetry_space_group_name_H-M '"'"'P 1'"'"'\nloop_\n_atom_site_type_symbol\n_atom_site_fract_x\n" > file
        printf "_atom_site_fract_y\n_atom_site_fract_z\n%s 0 0 0\n", symbol[i % 4 + 1] > file
        close(file)
    }
}'
"$RECRYST" train "it's data" --target 'energy <eV>' --unit 'eV & more' --model sr-cgcnn --steps 2 --gate --layer-norm \
    --atom-features 8 --hidden 8 --hidden-layers 2 --epochs 3 --batch-size 8 --optimizer sgd --lr 0.02 \
    --lr-milestones 1,2 --lr-gamma 0.3 --momentum 0.8 --weight-decay 0.001 --radius 6 --max-neighbors 9 --step 0.25 \
    --dmin 0.5 --weights 'what it counts' --ties keep --padding reference --val-size 5 --test-ratio 0.2 --seed 9223372036854775807 --quiet \
    --out first >/dev/null
# repeated RUN: what its report says makes the same model.
repeated() {
    sed -n '/<pre>/,/<\/pre>/p' "$1/report.html" |
        sed -e 's/.*<pre>//' -e 's/<\/pre>.*//' -e "s/&#39;/'/g" -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&quot;/"/g' \
            -e 's/&amp;/\&/g' -e "s#^recryst#'$RECRYST'#" -e "s#NEW_RUN#again-$1 --quiet#" >command.sh
    (cd / && sed "s#again-#$folder/again-#" "$folder/command.sh" | bash >/dev/null) || { cat command.sh; exit 1; }
    cmp "$1/model.safetensors" "again-$1/model.safetensors" || { cat command.sh; exit 1; }
}
repeated first
# Each of these options moves the weights: none may be missing.
small=(--target 'energy <eV>' --epochs 3 --batch-size 8 --quiet)
"$RECRYST" train "it's data" "${small[@]}" --atom-features 8 --hidden 8 --steps 2 --out begun >/dev/null
"$RECRYST" train "it's data" "${small[@]}" --init begun --init-head fresh --freeze embedding,conv --seed 4 --out tuned >/dev/null
repeated tuned
"$RECRYST" train "it's data" "${small[@]}" --init begun --deep-supervision 0.5 --optimizer adamw --weight-decay 0.1 --beta1 0.8 --beta2 0.99 \
    --eps 1e-6 --loss huber --huber-delta 0.5 --schedule one-cycle --lr-final 0.01 --warmup 0.5 --clip 0.1 --average 0.8 --patience 2 \
    --transform log --ensemble 2 --split-seed 5 --out deep >/dev/null
repeated deep
awk -F, 'BEGIN { print "id,part" } NR > 1 { print $1 "," (NR % 3 == 0 ? "test" : NR % 3 == 1 ? "val" : "train") }' \
    "it's data/id_prop.csv" >parts.csv
"$RECRYST" train "it's data" "${small[@]}" --model cgcnn --layers 1 --split parts.csv --loss gaussian --gaussian-beta 0.5 --schedule plateau \
    --plateau-patience 0 --lr-gamma 0.5 --atom-features 8 --out parted >/dev/null
repeated parted
"$RECRYST" train "it's data" --target class --task classification --class-weights 1,3.5 --dropout 0.3 --folds 3 --fold 1 --repeat 2 \
    --tie-tolerance 0.001 --disorder average --epochs 3 --batch-size 8 --atom-features 8 --hidden 8 --quiet --out classes >/dev/null
repeated classes
"$RECRYST" train "it's data" "${small[@]}" --group formula --train-ratio 0.4 --val-ratio 0.2 --test-size 10 --atom-features 8 --hidden 8 \
    --out grouped >/dev/null
repeated grouped
# The first fold, which is no default beside folds, and a split seed that is the default where the seed is not.
"$RECRYST" train "it's data" "${small[@]}" --folds 3 --fold 0 --seed 7 --split-seed 123 --atom-features 8 --hidden 8 --out folded >/dev/null
repeated folded
# A network of an ensemble: one network, of the ensemble's split; its config.toml says the same.
mv deep/member-2 member-2
repeated member-2
"$RECRYST" train --config member-2/config.toml --out member-2-again --quiet >/dev/null
cmp member-2/model.safetensors member-2-again/model.safetensors
# A model to begin with that averages disorder gives way to the run's refusal.
"$RECRYST" train "it's data" "${small[@]}" --disorder average --atom-features 8 --hidden 8 --steps 2 --out averaging >/dev/null
"$RECRYST" train "it's data" "${small[@]}" --init averaging --disorder refuse --out refusing >/dev/null
repeated refusing
# A run of a study: folds are those of one split seed for all seeds.
cat >folds.toml <<'END'
seeds = [5]
folds = 3
[base]
data = "it's data"
target = "energy <eV>"
epochs = 2
batch-size = 8
atom-features = 8
hidden = 8
END
"$RECRYST" study folds.toml --out folds --quiet >/dev/null
mv folds/runs/base/seed-5-fold-1 of-study
repeated of-study
# A split that is fixed takes no seed, and none is told.
"$RECRYST" train "it's data" "${small[@]}" --split reference --seed 7 --atom-features 8 --hidden 8 --out fixed >/dev/null
repeated fixed
# A setting that another has taken the use from is in the run's record alone.
"$RECRYST" train --config deep/config.toml --schedule constant --loss l1 --ensemble 1 --quiet --out plain >/dev/null
repeated plain
# So does the run's own record, read from elsewhere.
(cd / && "$RECRYST" train --config "$folder/parted/config.toml" --out "$folder/parted-2" --quiet >/dev/null)
cmp parted/model.safetensors parted-2/model.safetensors
