#!/usr/bin/env python3
"""The tables that the shipped models are trained on, from the published archives; called by train.sh and check.py.

usage: models/data.py formation FOLDER    give id_prop.csv of an unpacked mp-formation-energy, which has no header, one
       models/data.py elastic FOLDER      of an unpacked mp-elastic, blank elastic moduli that can't be, and name the columns
Python's standard library is enough."""

import csv
import os
import sys

LOW, HIGH = 1.0, 600.0  # GPa; diamond has 443 and 521
POISSON = (-0.5, 0.5)
ROUNDING = 1e-3  # Poisson's ratio has three decimals in the table


def elastic_is_physical(bulk, shear, poisson):
    """Whether moduli (text, GPa) and Poisson's ratio are those of a stable solid, and are consistent with each other.

    The archive has moduli of -4.7e11 and 5.6e13 GPa, from failed fits. Kept are rows with both moduli within 1 and 600 GPa,
    Poisson's ratio within -0.5 and 0.5, and that ratio within its rounding of (3K - 2G) / (2 (3K + G))."""
    try:
        k, g, nu = float(bulk), float(shear), float(poisson)
    except ValueError:
        return False
    if not (LOW <= k <= HIGH and LOW <= g <= HIGH and POISSON[0] <= nu <= POISSON[1]):
        return False
    return abs(nu - (3 * k - 2 * g) / (2 * (3 * k + g))) <= ROUNDING


def rewrite(folder, change):
    """Replace FOLDER/id_prop.csv by what `change` makes of its rows."""
    path = os.path.join(folder, "id_prop.csv")
    with open(path, newline="") as table:
        rows = list(csv.reader(table))
    # Of an archive that was cut, unpacking says nothing.
    absent = [r[0] for r in rows if r and r[0] != "material_id" and not os.path.exists(os.path.join(folder, r[0] + ".cif"))]
    if absent:
        sys.exit(f"{len(absent)} of {len(rows)} crystals are not there ({absent[0]}.cif, ...): is the archive whole?")
    rows = change(rows)
    with open(path + ".part", "w", newline="") as table:
        csv.writer(table, lineterminator="\n").writerows(rows)
    os.replace(path + ".part", path)


def formation(rows):
    return [["material_id", "formation_energy_per_atom"]] + rows


def elastic(rows):
    names = ["material_id", "formation_energy_per_atom", "band_gap", "efermi", "is_metal", "k_vrh", "g_vrh", "homogeneous_poisson"]
    if rows[0] != names:
        sys.exit("id_prop.csv has other columns than expected: " + ",".join(rows[0]))
    out = [names[:5] + ["bulk_modulus", "shear_modulus", "poisson_ratio"]]
    empty = dropped = 0
    for row in rows[1:]:
        moduli = row[5:8]
        if "" in moduli:
            empty += 1
            moduli = [""] * 3
        elif not elastic_is_physical(*moduli):
            dropped += 1
            moduli = [""] * 3
        out.append(row[:5] + moduli)
    n = len(out) - 1
    print(f"elastic moduli: {n} rows, {empty} without, {dropped} that can't be, {n - empty - dropped} kept")
    return out


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("formation", "elastic"):
        sys.exit(__doc__)
    rewrite(sys.argv[2], {"formation": formation, "elastic": elastic}[sys.argv[1]])
