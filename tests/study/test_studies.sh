#!/usr/bin/env bash
# The committed study files make sense, name by name and value by value; the one in miniature runs to its end.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
expected() { # STUDY RUNS
    run 0 study "$RECRYST_SOURCE/studies/$1.toml" --out "$work/$1" --dry-run
    same "$(grep -c '^waiting' "$work/out")" "$2" "runs of $1"
}
expected paper-formation 60
expected paper-gap 60
expected recipe-formation 11
expected recipe-gap 26
expected final-formation 20
expected final-gap 15
expected full-formation 2
expected phonons 35
expected demo 18
same "$(ls "$RECRYST_SOURCE"/studies/*.toml | wc -l)" 9 "study files that this test knows"
run 0 study "$RECRYST_SOURCE/studies/demo.toml" --out "$work/demo" --threads 1
out_has "18 of 18 runs done"
out_has "CGCNN"
