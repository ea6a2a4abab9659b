#!/usr/bin/env bash
# Trains the shipped models, each from its recipe models/NAME.toml, and writes models/NAME.safetensors, the card models/NAME.md
# and the ids of the held-out rows, models/NAME.test.txt.  Stopped, the same command goes on where it was.
# usage: models/train.sh [NAME...]     without names: all of them
#        models/train.sh --data NAME   only the graph store that NAME is trained on; prints its path
# environment: DATA     the folder of the published archives (../shared/data)
#              RECRYST  the command (build/recryst)
#              RUNS     where runs and made data go (runs/models; data in runs/models/data)
#              THREADS  threads to train with (0: one for each core); change no result
# Needs python3 (its standard library) and cmake, which unpacks.
set -eu
shopt -s inherit_errexit # or what fails within $(store_of ...) would not end it
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
DATA=${DATA:-../shared/data}
RECRYST=${RECRYST:-build/recryst}
RUNS=${RUNS:-runs/models}
THREADS=${THREADS:-0}

# made FILE: an archive of the published data, or a message and the end.
archive() {
    [ -f "$DATA/$1" ] || {
        echo "$DATA/$1 is absent; set DATA to the folder that has it" >&2
        exit 1
    }
    echo "$(cd "$DATA" && pwd)/$1"
}
# unpacked ARCHIVE FOLDER KIND: the archive's one folder as $RUNS/data/FOLDER, its table made by data.py.
unpacked() {
    local from
    from=$(archive "$1")
    rm -rf "$RUNS/data/$2" "$RUNS/data/$2.part"
    mkdir -p "$RUNS/data/$2.part"
    (cd "$RUNS/data/$2.part" && cmake -E tar xf "$from")
    python3 models/data.py "$3" "$(dirname "$(find "$RUNS/data/$2.part" -name id_prop.csv)")" >&2
    mv "$(dirname "$(find "$RUNS/data/$2.part" -name id_prop.csv)")" "$RUNS/data/$2"
    rm -rf "$RUNS/data/$2.part"
}
# The graph store that a model is trained on; made when it is not there.
store_of() {
    local name
    case $1 in
    formation-energy) name=formation-energy ;;
    phonon-frequency) name=phonons ;;
    *) name=elastic ;;
    esac
    local store=$RUNS/data/$name.store
    if [ ! -f "$store" ]; then
        mkdir -p "$RUNS/data"
        local source=$RUNS/data/$name
        case $name in
        formation-energy) unpacked mp-formation-energy.tar.zst $name formation ;;
        elastic) unpacked mp-elastic.tar.zst $name elastic ;;
        phonons) source=$(archive matbench_phonons.json.gz) ;;
        esac
        "$RECRYST" prepare "$source" --out "$store.part" --threads "$THREADS" --quiet >&2
        mv "$store.part" "$store"
        [ $name = phonons ] || rm -rf "$source"
    fi
    echo "$store"
}

if [ "${1-}" = --data ]; then
    store_of "${2:?a name}"
    exit 0
fi
if [ $# -eq 0 ]; then
    for recipe in models/*.toml; do
        name=${recipe#models/}
        set -- "$@" "${name%.toml}"
    done
fi
for name; do
    [ -f "models/$name.toml" ] || {
        echo "there is no recipe models/$name.toml" >&2
        exit 1
    }
    store=$(store_of "$name")
    run=$RUNS/$name
    echo "== $name" >&2
    [ ! -f "$run/config.toml" ] || python3 models/of_recipe.py "models/$name.toml" "$run"
    if [ -f "$run/run_summary.json" ]; then
        echo "$run is trained" >&2
    elif [ -f "$run/last.ckpt" ] || [ -f "$run/member-1/last.ckpt" ]; then
        "$RECRYST" train --resume "$run" --threads "$THREADS"
    else
        rm -rf "$run"
        "$RECRYST" train "$store" --config "models/$name.toml" --threads "$THREADS" --out "$run"
    fi
    RECRYST=$RECRYST python3 models/card.py "$name" "$run"
done
