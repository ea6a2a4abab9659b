#!/usr/bin/env bash
# The readers beside ASE, pymatgen and gemmi on crystals of the demo data (tests/peers).  RECRYST_VENV names a virtual
# environment that has them.
set -eu
if [ -z "${RECRYST_VENV:-}" ]; then
    echo "SKIPPED: needs ASE, pymatgen and gemmi; RECRYST_VENV names no virtual environment"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && cmake -E tar xf "$RECRYST_SOURCE/data/demo/alloys.tar.zst")
find "$folder" -name '*.cif' | sort | awk 'NR % 10 == 1' >"$folder/files"
test "$(wc -l <"$folder/files")" -eq 150
mapfile -t files <"$folder/files"
cd "$RECRYST_SOURCE/tests/peers"
export PYTHONDONTWRITEBYTECODE=1
"$RECRYST_VENV/bin/python" written.py "$RECRYST_BUILD/tests/dump_crystal" "${files[@]}" --limit 50
for peer in pymatgen gemmi ase; do
    "$RECRYST_VENV/bin/python" compare.py --peer "$peer" "$RECRYST_BUILD/tests/dump_crystal" "${files[@]}"
done
