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
    print "id,energy <eV>" > table
    for (i = 0; i < n; i++) {
        a = 3.5 + 0.01 * i
        printf "c%d,%.4f\n", i, (i % 4) * 0.3 + a > table
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
    --dmin 0.5 --ties keep --padding reference --val-size 5 --test-ratio 0.2 --seed 9223372036854775807 --quiet \
    --out first >/dev/null
sed -n '/<pre>/,/<\/pre>/p' first/report.html |
    sed -e 's/.*<pre>//' -e 's/<\/pre>.*//' -e "s/&#39;/'/g" -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&quot;/"/g' \
        -e 's/&amp;/\&/g' -e "s#^recryst#'$RECRYST'#" -e 's/NEW_RUN/second --quiet/' >command.sh
bash command.sh >/dev/null || { cat command.sh; exit 1; }
cmp first/model.safetensors second/model.safetensors
