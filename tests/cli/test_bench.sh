#!/usr/bin/env bash
# recryst bench: every row is there and holds plausible numbers.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"

# rows WHAT: how many rows of that name, each with threads >= 1, a rate and a time above 0; "bad" where one makes no sense.
rows() {
    sed 's/data to graphs/data-to-graphs/; s/training step/training-step/; s/,//g' "$work/out" |
        awk -v what="$1" '$1 == what { n++; if (NF != 5 || $3 < 1 || $4 <= 0 || $5 <= 0) bad = 1 } END { print bad ? "bad" : n + 0 }'
}

# Two CIF files, so that reading and graphs are timed by themselves.
mkdir "$work/cifs"
cp "$data"/examples/Pt4-dhcp.cif "$data"/examples/NiPt2-fcc111.cif "$work/cifs"
printf 'Pt4-dhcp,0\nNiPt2-fcc111,1\n' >"$work/cifs/id_prop.csv"
RECRYST_KERNELS='' run 0 bench "$work/cifs" --seconds 0 --threads 2
out_has "SR-CGCNN, 3 steps"
out_has "batch      2 crystals"
same "$(rows reading) $(rows graphs) $(rows data-to-graphs)" "2 2 2" "rows of reading"
variants=$(rows training-step)
[ "$variants" -ge 3 ] || fail "training steps on one and two threads and with plain kernels"
same "$(rows forward)" "$variants" "as many forward passes as training steps"
grep -qE '^training step +ref ' "$work/out" || fail "no row of the plain kernels"

# A file of frames has no CIF files to read one by one.
frames 20 "$work/some.extxyz"
run 0 bench "$work/some.extxyz" --seconds 0 --threads 1 --model cgcnn --batch-size 8
out_has "CGCNN, 3 layers"
out_has "batch      8 crystals"
same "$(rows reading) $(rows graphs) $(rows data-to-graphs)" "0 0 1" "rows of an extxyz file"

run 2 bench a b
err_has "one DATA at a time"
run 1 bench "$work/none"
