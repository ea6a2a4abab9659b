#!/usr/bin/env bash
# The runs behind docs/results.md: CGCNN with three layers and SR-CGCNN with three steps on Materials Project crystals.
#
#   elastic-formation-*  2,865 crystals with elastic constants: formation energy, eV/atom
#   elastic-gap-*        the same crystals: band gap, eV
#   mp10k-formation-*    10,000 crystals (those of mp-formation-energy whose ids have the smallest SHA-1): formation energy
#
# Recipe: 80/10/10 split as the reference program draws it, Adam 1e-3, batches of 256, 300 epochs, learning rate x 0.1 after 100.
# May be stopped and started again: a finished run is skipped, an unfinished one goes on where it stopped.
#
# usage: bench/reproduce.sh [RUN...]          names of runs from the list above; all of them by default
# environment:
#   DATA     folder with mp-elastic.tar.zst and mp-formation-energy.tar.zst   (../shared/data)
#   WORK     where runs and unpacked data go                                  (runs/reproduce)
#   RECRYST  the command                                                      (build/recryst)
#   THREADS  threads of a run                                                 (all)
#   EPOCHS   epochs; other than 300 is a trial
# The tables go between their marks in docs/results.md once all runs are there, and to $WORK/results.md before that and of a trial.
set -eu
cd "$(dirname "$0")/.."
DATA=${DATA:-../shared/data}
WORK=${WORK:-runs/reproduce}
RECRYST=${RECRYST:-build/recryst}
EPOCHS=${EPOCHS:-300}
all="elastic-formation-cgcnn elastic-formation-sr-cgcnn elastic-gap-cgcnn elastic-gap-sr-cgcnn
     mp10k-formation-cgcnn mp10k-formation-sr-cgcnn"
wanted=${*:-$all}

for file in mp-elastic.tar.zst mp-formation-energy.tar.zst; do
    [ -f "$DATA/$file" ] || {
        echo "$DATA/$file is absent; set DATA to the folder that has it" >&2
        exit 1
    }
done
[ -x "$RECRYST" ] || {
    echo "$RECRYST is absent; run make first" >&2
    exit 1
}
mkdir -p "$WORK"
. bench/asked.sh

# The 10,000 crystals, made once.
subset() {
    [ -d "$WORK/mp-10000" ] && return
    echo "== unpacking $DATA/mp-formation-energy.tar.zst and selecting 10,000 crystals"
    rm -rf "$WORK/unpacked" "$WORK/mp-10000.part"
    mkdir "$WORK/unpacked"
    local archive
    archive=$(cd "$DATA" && pwd)/mp-formation-energy.tar.zst
    (cd "$WORK/unpacked" && cmake -E tar xf "$archive")
    bash bench/select_subset.sh "$WORK/unpacked/mp-formation-energy" 10000 "$WORK/mp-10000"
    rm -rf "$WORK/unpacked"
}

train() { # name data target unit model
    local run=$WORK/$1 shape="--layers 3"
    [ "$5" = sr-cgcnn ] && shape="--steps 3"
    [ ! -f "$run/config.toml" ] || asked "$run" model="$5" epochs="$EPOCHS" split=reference optimizer=adam lr=1e-3 batch_size=256 'lr_milestones=[100]'
    if [ -f "$run/run_summary.json" ]; then
        echo "== $1: done"
    elif [ -f "$run/last.ckpt" ]; then
        echo "== $1: going on"
        "$RECRYST" train --resume "$run" ${THREADS:+--threads "$THREADS"}
    else
        echo "== $1"
        rm -rf "$run"
        # shellcheck disable=SC2086
        "$RECRYST" train "$2" ${3:+--target "$3"} --unit "$4" --model "$5" $shape --split reference --optimizer adam \
            --lr 1e-3 --batch-size 256 --epochs "$EPOCHS" --lr-milestones 100 ${THREADS:+--threads "$THREADS"} --out "$run"
    fi
}

for name in $wanted; do
    model=${name#*-}
    model=${model#*-}
    case "$name" in
    elastic-formation-*) train "$name" "$DATA/mp-elastic.tar.zst" formation_energy_per_atom eV/atom "$model" ;;
    elastic-gap-*) train "$name" "$DATA/mp-elastic.tar.zst" band_gap eV "$model" ;;
    mp10k-formation-*)
        subset
        train "$name" "$WORK/mp-10000" "" eV/atom "$model"
        ;;
    *)
        echo "no run is called $name; there are: $all" >&2
        exit 2
        ;;
    esac
done

bash bench/results_table.sh "$WORK" "$EPOCHS" >"$WORK/results.md"
missing=
for name in $all; do
    if [ -f "$WORK/$name/run_summary.json" ]; then asked "$WORK/$name" epochs="$EPOCHS"; else missing="$missing $name"; fi
done
if [ "$EPOCHS" = 300 ] && [ -z "$missing" ]; then
    bash bench/put.sh reproduce docs/results.md <"$WORK/results.md"
    echo "== wrote docs/results.md"
else
    echo "== wrote $WORK/results.md"
fi
