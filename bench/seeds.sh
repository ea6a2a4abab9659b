#!/usr/bin/env bash
# How far the figures of bench/reproduce.sh move with the seed of weights and batch order, the split staying as it is: five
# seeds of the runs on mp-elastic.  Prints a table (mean and sample standard deviation over the seeds) and keeps it in WORK/seeds.md,
# which bench/reproduce.sh puts into docs/results.md (with other EPOCHS than 300: in WORK/seeds-EPOCHS.md, which it does not).  May be stopped and started again.
#
# usage: bench/seeds.sh
# environment: DATA, WORK, RECRYST, THREADS as in bench/reproduce.sh; SEEDS (1 2 3 4 5); EPOCHS (300)
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."
DATA=${DATA:-../shared/data} WORK=${WORK:-runs/reproduce} RECRYST=${RECRYST:-build/recryst}
SEEDS=${SEEDS:-1 2 3 4 5} EPOCHS=${EPOCHS:-300}
[ -f "$DATA/mp-elastic.tar.zst" ] || {
    echo "$DATA/mp-elastic.tar.zst is absent; set DATA to the folder that has it" >&2
    exit 1
}
mkdir -p "$WORK/seeds"
. bench/asked.sh

# The table of a trial is not the one that goes into the page.
kept=$WORK/seeds.md
[ "$EPOCHS" -eq 300 ] || kept=$WORK/seeds-$EPOCHS.md
table=$kept.part
echo "| Target | Model | Seeds | Validation MAE | Test MAE | Train MAE |" >"$table"
echo "|---|---|---|---|---|---|" >>"$table"
for target in formation_energy_per_atom band_gap; do
    for model in cgcnn sr-cgcnn; do
        runs=
        for seed in $SEEDS; do
            run=$WORK/seeds/$target-$model-$seed
            runs="$runs $run/run_summary.json"
            [ ! -f "$run/config.toml" ] || asked "$run" model="$model" target="$target" epochs="$EPOCHS" split=reference optimizer=adam \
                lr=1e-3 batch_size=256 'lr_milestones=[100]' seed="$seed"
            [ -f "$run/run_summary.json" ] && continue
            echo "== $target, $model, seed $seed" >&2
            if [ -f "$run/last.ckpt" ]; then
                "$RECRYST" train --resume "$run" ${THREADS:+--threads "$THREADS"} >"$run.log" 2>&1
            else
                "$RECRYST" train "$DATA/mp-elastic.tar.zst" --target "$target" --model "$model" --split reference \
                    --optimizer adam --lr 1e-3 --batch-size 256 --epochs "$EPOCHS" --lr-milestones 100 --seed "$seed" \
                    ${THREADS:+--threads "$THREADS"} --out "$run" >"$run.log" 2>&1
            fi
        done
        # shellcheck disable=SC2086
        cat $runs | awk -v target="$target" -v model="$model" '
            function put(sum, square) { # mean ± sample standard deviation
                mean = sum / n
                return sprintf("%.4f ± %.4f", mean, n > 1 ? sqrt((square - n * mean * mean) / (n - 1)) : 0)
            }
            /"best_val_mae"/ { x = $2 + 0; v += x; vv += x * x; n++ }
            /"test_mae"/ { x = $2 + 0; t += x; tt += x * x }
            /"train_mae"/ { x = $2 + 0; r += x; rr += x * x }
            END { printf "| %s | %s | %d | %s | %s | %s |\n", target, model, n, put(v, vv), put(t, tt), put(r, rr) }' >>"$table"
    done
done
mv "$table" "$kept"
cat "$kept"
