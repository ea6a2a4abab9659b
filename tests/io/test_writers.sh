#!/usr/bin/env bash
# What recryst convert writes, and what recryst info says, beside ASE, gemmi, pymatgen and spglib.
set -eu
data=$RECRYST_SHARED/data/mp-elastic.tar.zst
if [ -z "${RECRYST_VENV:-}" ] || ! "$RECRYST_VENV/bin/python" -c 'import ase, gemmi, pymatgen.core, spglib' 2>/dev/null || [ ! -f "$data" ]; then
    echo "SKIPPED: RECRYST_VENV names no virtual environment with ASE, gemmi, pymatgen and spglib, or the reference data are absent"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$RECRYST_VENV/bin/python" "$RECRYST_SOURCE/tests/io/check_writers.py" "$RECRYST" "$data" 500 "$work"
