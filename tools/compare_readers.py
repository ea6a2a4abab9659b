#!/usr/bin/env python3
"""Compare recryst's CIF reader with pymatgen and gemmi over folders of files.

    compare_readers.py DUMP FOLDER_OR_FILE... [--limit N] [--gemmi] [--tolerance 1e-3]

DUMP is the program built from tests/io/dump_crystal.c.  For each file the metric of the cell, the count of each
element and the positions (modulo lattice vectors, in any order) are compared.  Not part of the tests: it needs pymatgen,
and gemmi for --gemmi.
"""
import argparse
import collections
import os
import subprocess
import sys
import warnings

import numpy as np


def find_files(paths, limit):
    found = []
    for path in paths:
        if os.path.isdir(path):
            here = sorted(os.path.join(path, f) for f in os.listdir(path) if f.lower().endswith(".cif"))
            found += here[:limit] if limit else here
        else:
            found.append(path)
    return found


def read_ours(dump, files):
    out = subprocess.run([dump], input="\n".join(files) + "\n", capture_output=True, text=True, errors="replace")
    ours = {}
    for line in out.stdout.splitlines():
        path, status, *rest = line.split("\t")
        if status != "ok":
            ours[path] = (status, ": ".join(rest))
            continue
        words = rest[2].split(" ")
        species = words[0::4]
        frac = np.array([words[i::4] for i in (1, 2, 3)], float).T
        ours[path] = ("ok", (np.array(rest[0].split(), float).reshape(3, 3), species, frac))
    return ours


def read_pymatgen(path):
    from pymatgen.io.cif import CifParser

    structure = CifParser(path).parse_structures(primitive=False)[0]
    if not structure.is_ordered:
        raise ValueError("disordered")
    species = ["H" if s.specie.symbol in ("D", "T") else s.specie.symbol for s in structure]
    return np.array(structure.lattice.matrix), species, np.array(structure.frac_coords)


def read_gemmi(path):
    import gemmi

    small = gemmi.read_small_structure(path)
    if any(site.occ < 0.999 for site in small.sites):
        raise ValueError("disordered")
    sites = [s for s in small.get_all_unit_cell_sites()]
    matrix = np.array(small.cell.orth.mat.tolist()).T
    species = ["H" if s.element.name == "D" else s.element.name for s in sites]
    return matrix, species, np.array([[s.fract.x, s.fract.y, s.fract.z] for s in sites])


def compare(ours, theirs):
    """'' or what differs, and the largest distance between matched sites in angstrom."""
    (la, sa, fa), (lb, sb, fb) = ours, theirs
    if not np.allclose(la @ la.T, lb @ lb.T, rtol=1e-6, atol=1e-6):
        return "cell", 0.0
    if collections.Counter(sa) != collections.Counter(sb):
        return f"species {dict(collections.Counter(sa))} against {dict(collections.Counter(sb))}", 0.0
    worst = 0.0
    for element in set(sa):
        a = fa[[s == element for s in sa]]
        b = fb[[s == element for s in sb]]
        d = a[:, None, :] - b[None, :, :]
        d -= np.round(d)
        r = np.linalg.norm(d @ la, axis=2)
        free = np.ones(len(b), bool)
        for row in r:
            j = int(np.argmin(np.where(free, row, np.inf)))
            free[j] = False
            worst = max(worst, float(row[j]))
    return "", worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--limit", type=int, default=0, help="files of each folder")
    parser.add_argument("--gemmi", action="store_true", help="compare with gemmi instead of pymatgen")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="angstrom")
    parser.add_argument("--show", type=int, default=20)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    files = find_files(args.paths, args.limit)
    ours = read_ours(args.dump, files)
    read = read_gemmi if args.gemmi else read_pymatgen
    counts, shown, worst_of_all = collections.Counter(), 0, 0.0
    for path in files:
        try:
            theirs, why = read(path), ""
        except Exception as error:  # any failure of the other reader is a finding, not a fault of this script
            theirs, why = None, f"{type(error).__name__}: {error}".split("\n")[0][:200]
        status, mine = ours.get(path, ("crashed", ""))
        if status == "ok" and theirs is not None:
            what, distance = compare(mine, theirs)
            if not what and distance > args.tolerance:
                what = f"positions by {distance:.3g} angstrom"
            if not what:
                worst_of_all = max(worst_of_all, distance)
            kind = "same" if not what else "different"
        elif status == "ok":
            kind, what = "only recryst reads", why
        elif theirs is not None:
            kind, what = "only the other reads", f"{status}: {mine}"
        else:
            kind, what = "neither reads", f"{status}: {mine} | {why}"
        counts[kind] += 1
        if kind != "same" and shown < args.show:
            print(f"{os.path.basename(path)}: {kind}: {what}")
            shown += 1
    for kind, n in sorted(counts.items()):
        print(f"{kind}: {n}")
    print(f"largest distance between matched sites: {worst_of_all:.3g} angstrom")
    return 1 if counts["different"] or counts["only the other reads"] else 0


if __name__ == "__main__":
    sys.exit(main())
