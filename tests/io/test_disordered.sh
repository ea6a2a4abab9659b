#!/usr/bin/env bash
# CIFs with disordered sites, read as pymatgen reads them.
set -eu
if [ -z "${RECRYST_VENV:-}" ]; then
    echo "SKIPPED: needs pymatgen; RECRYST_VENV names no virtual environment"
    exit 77
fi
set --
for file in "${RECRYST_SHARED:-/nonexistent}"/reference/structures/cod-*.cif; do
    if [ -f "$file" ]; then set -- "$@" "$file"; fi
done
"$RECRYST_VENV/bin/python" "$RECRYST_SOURCE/tests/io/check_disordered.py" "$RECRYST" "$@"
