#!/usr/bin/env bash
# Does a fast engine end where the plain C kernels end? Whole trainings with each set of kernels from the same seeds: the table has
# mean and sample standard deviation over the seeds, and of the difference from `ref` with the same seed.  Every run stands in
# WORK, so that this may be stopped and started again; delete WORK/avx512-* to repeat these alone.  Writes the table between the marks
# `engines` in docs/performance.md when EPOCHS and the sizes are the defaults, and prints it always.
#
# usage: bench/engines.sh [KERNELS...]         ref base avx2 avx512, as far as this processor has them; ref is always needed
# environment: DATA (../shared/data), WORK (runs/engines), RECRYST (build/recryst), SEEDS (1 2 3 4 5), EPOCHS (300),
#   JOBS: runs side by side, on one thread each (1)
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."
DATA=${DATA:-../shared/data} WORK=${WORK:-runs/engines} RECRYST=${RECRYST:-build/recryst}
SEEDS=${SEEDS:-1 2 3 4 5} EPOCHS=${EPOCHS:-300} JOBS=${JOBS:-1}
train=450 val=100 test=2000
[ -f "$DATA/mp-elastic.tar.zst" ] || {
    echo "$DATA/mp-elastic.tar.zst is absent; set DATA to the folder that has it" >&2
    exit 1
}
mkdir -p "$WORK"
all="ref base"
grep -qw avx2 /proc/cpuinfo && all="$all avx2"
grep -qw avx512f /proc/cpuinfo && all="$all avx512"
wanted=${*:-$all}
case " $wanted " in *" ref "*) ;; *) wanted="ref $wanted" ;; esac
[ -f "$WORK/data.store" ] || "$RECRYST" prepare "$DATA/mp-elastic.tar.zst" --out "$WORK/data.store" --quiet

one_run() { # kernels seed
    local run=$WORK/$1-$2
    if [ -f "$run/config.toml" ]; then
        asked "$run" epochs="$EPOCHS" batch_size=64 seed="$2" train_size=$train val_size=$val test_size=$test || return 1
    fi
    [ -f "$run/run_summary.json" ] && return
    export RECRYST_KERNELS=$1
    echo "== $1, seed $2" >&2
    if [ -f "$run/last.ckpt" ]; then
        "$RECRYST" train --resume "$run" --threads 1 >>"$run.log" 2>&1
    else
        rm -rf "$run"
        "$RECRYST" train "$WORK/data.store" --target formation_energy_per_atom --epochs "$EPOCHS" --batch-size 64 --seed "$2" \
            --train-size $train --val-size $val --test-size $test --threads 1 --out "$run" >"$run.log" 2>&1
    fi || {
        echo "$run failed: $(tail -n 1 "$run.log")" >&2
        return 1
    }
}
. bench/asked.sh
export -f one_run asked
export WORK RECRYST EPOCHS train val test
for kernels in $wanted; do
    for seed in $SEEDS; do printf '%s %s\n' "$kernels" "$seed"; done
done | xargs -P "$JOBS" -L 1 bash -c 'one_run "$0" "$1"'

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
table=$WORK/table.md
{
    echo "SR-CGCNN with three steps on $train crystals of mp-elastic, formation energy in eV/atom, $EPOCHS epochs, batches of 64, one thread,"
    echo "seeds $SEEDS (of weights, split and order); ${processor:-an unnamed processor}. Errors are mean absolute ones of the best epoch's weights"
    echo "on $test crystals (test) and $val (validation): mean ± sample standard deviation over the seeds."
    echo
    echo "| kernels | test | validation | train | test, less \`ref\` with the same seed | seconds a run |"
    echo "|---|---|---|---|---|---|"
    for kernels in $wanted; do
        for seed in $SEEDS; do
            for k in ref "$kernels"; do
                echo "$k run"
                cat "$WORK/$k-$seed/run_summary.json"
            done
        done | awk -v kernels="$kernels" '
            function put(s, q, digits,   m, v) { # mean ± sample standard deviation of n values
                m = s / n; v = n > 1 ? (q - n * m * m) / (n - 1) : 0
                m = sprintf("%.*f", digits, m)
                if (m == 0) sub(/^-/, "", m)
                return sprintf("%s ± %.*f", m, digits, v > 0 ? sqrt(v) : 0)
            }
            $2 == "run" && NF == 2 { half = 1 - half; if (half == 0) n++ }
            /"test_mae"/ { x = $2 + 0; if (half) { ref = x } else { t += x; tt += x * x; d += x - ref; dd += (x - ref) ^ 2 } }
            /"best_val_mae"/ && !half { x = $2 + 0; v += x; vv += x * x }
            /"train_mae"/ && !half { x = $2 + 0; r += x; rr += x * x }
            /"seconds"/ && !half { s += $2 }
            END { printf "| `%s` | %s | %s | %s | %s | %.0f |\n", kernels, put(t, tt, 4), put(v, vv, 4), put(r, rr, 4),
                  kernels == "ref" ? "" : put(d, dd, 4), s / n }'
    done
} >"$table"
cat "$table"
if [ "$EPOCHS" = 300 ] && [ "$SEEDS" = "1 2 3 4 5" ]; then bash bench/put.sh engines docs/performance.md <"$table"; fi
