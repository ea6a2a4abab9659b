#!/usr/bin/env bash
# The data of the studies on 10,000 crystals: those of mp-formation-energy whose ids have the smallest SHA-1, in runs/data/mp-10000.
# Made once; nothing happens when they are there.
# usage: studies/data.sh        environment: DATA, the folder with mp-formation-energy.tar.zst (../shared/data)
set -eu
cd "$(dirname "$0")/.."
DATA=${DATA:-../shared/data}
out=runs/data/mp-10000
[ ! -d $out ] || exit 0
archive=$(cd "$DATA" && pwd)/mp-formation-energy.tar.zst
[ -f "$archive" ] || {
    echo "$DATA/mp-formation-energy.tar.zst is absent; set DATA to the folder that has it" >&2
    exit 1
}
mkdir -p runs/data
rm -rf runs/data/unpacked $out.part
mkdir runs/data/unpacked
(cd runs/data/unpacked && cmake -E tar xf "$archive")
bash bench/select_subset.sh runs/data/unpacked/mp-formation-energy 10000 $out
rm -rf runs/data/unpacked
