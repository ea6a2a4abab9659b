#!/usr/bin/env bash
# Keeps the runs of a committed study that are done: adds them to studies/results/NAME.csv, from which studies/NAME.toml takes
# them.  Trains nothing, and can be called while another process trains the study.
# usage: studies/keep.sh NAME...
# environment: RECRYST  the command (build/recryst)
#              RUNS     where the studies' folders are (runs)
set -eu
cd "$(dirname "$0")/.."
RECRYST=${RECRYST:-build/recryst}
RUNS=${RUNS:-runs}
[ $# -gt 0 ] || {
    echo "usage: studies/keep.sh NAME..., such as paper-formation" >&2
    exit 2
}
mkdir -p studies/results
for name in "$@"; do
    "$RECRYST" study "studies/$name.toml" --out "$RUNS/$name" --keep "studies/results/$name.csv"
done
