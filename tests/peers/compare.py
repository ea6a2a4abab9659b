#!/usr/bin/env python3
"""Compare recryst's readers with those of other programs, file by file.

    compare.py --peer pymatgen|gemmi|ase|codcif DUMP FILE_OR_FOLDER... [--limit N] [--tolerance 1e-3] [--show 20]

DUMP is the program that is built from tests/io/dump_crystal.c (ninja -C build dump_crystal).  Of folders the .cif files
count.  Compared are the metric of the cell and every site: its place, modulo lattice vectors and in any order, to the
tolerance in angstrom, and its species with their occupancies to 0.002.  codcif (libcodcif, through pycodcif) only
parses: symmetry operations are then applied here.  Needs numpy and the peer.
"""
import argparse
import collections
import importlib
import os
import subprocess
import sys
import warnings

import numpy as np

OCCUPANCY_TOLERANCE = 2e-3
MERGE = 0.1  # angstrom: sites closer than this are one place, as docs/formats.md says
MAX_SITES = 1500  # all pairs are compared


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
        species = []
        for word in words[0::4]:
            parts = [part.split(":") for part in word.split("+")]
            species.append({part[0]: float(part[1]) if len(part) > 1 else 1.0 for part in parts})
        frac = np.array([words[i::4] for i in (1, 2, 3)], float).T
        ours[path] = ("ok", (np.array(rest[0].split(), float).reshape(3, 3), species, frac))
    return ours


# ---- peers: each gives lattice rows, [{element: occupancy}], fractional positions


def element(symbol):
    return "H" if symbol in ("D", "T") else symbol


def add_up(pairs):
    total = collections.defaultdict(float)
    for name, occupancy in pairs:
        total[element(name)] += occupancy
    return dict(total)


def merge(lattice, species, frac):
    """Sites in one place become one; a whole atom that is listed twice is there once."""
    kept = []
    for one, f in zip(species, frac):
        for other in kept:
            d = f - other[1]
            d -= np.round(d)
            if np.linalg.norm(d @ lattice) < MERGE:
                if one == other[0] and abs(sum(one.values()) - 1) < 1e-6:
                    break
                for name, occupancy in one.items():
                    other[0][name] = other[0].get(name, 0) + occupancy
                break
        else:
            kept.append((dict(one), f))
    return lattice, [k[0] for k in kept], np.array([k[1] for k in kept])


def read_pymatgen(path):
    from pymatgen.core import Structure
    from pymatgen.io.cif import CifParser

    if path.endswith(".cif"):
        structure = CifParser(path, occupancy_tolerance=1.05).parse_structures(primitive=False)[0]
    else:
        structure = Structure.from_file(path)
    species = [add_up((s.symbol, x) for s, x in site.species.items()) for site in structure]
    return np.array(structure.lattice.matrix), species, np.array(structure.frac_coords)


def read_gemmi(path):
    import gemmi

    small = None
    for block in gemmi.cif.read_file(path):
        small = gemmi.make_small_structure_from_block(block)
        if small.sites and small.cell.a > 1:
            break
    if small is None or not small.sites:
        raise ValueError("no sites")
    sites = small.get_all_unit_cell_sites()
    if len(sites) > MAX_SITES:
        raise ValueError("too many sites to compare")
    lattice = np.array(small.cell.orth.mat.tolist()).T
    frac = np.array([[s.fract.x, s.fract.y, s.fract.z] for s in sites])
    return merge(lattice, [{element(s.element.name): s.occ} for s in sites], frac)


def read_ase(path):
    import ase.io

    atoms = ase.io.read(path)
    if not atoms.pbc.all():
        raise ValueError("not periodic")
    species = [{element(s): 1.0} for s in atoms.get_chemical_symbols()]
    occupancy, kinds = atoms.info.get("occupancy"), atoms.arrays.get("spacegroup_kinds")
    if occupancy is not None and kinds is not None:
        species = [add_up(occupancy[str(k)].items()) if str(k) in occupancy else s for k, s in zip(kinds, species)]
    return np.array(atoms.cell), species, atoms.get_scaled_positions(wrap=False)


def operation(text):
    r, t = np.zeros((3, 3)), np.zeros(3)
    for i, part in enumerate(text.lower().replace(" ", "").split(",")):
        sign, number = 1.0, ""
        for c in part + "+":
            if c in "xyz":
                r[i]["xyz".index(c)] += sign * (float(number.rstrip("*")) if number else 1.0)
                sign, number = 0.0, ""
            elif c in "+-":
                if number:
                    p, _, q = number.partition("/")
                    t[i] += sign * float(p) / float(q or 1)
                sign, number = (-1.0 if c == "-" else 1.0), ""
            else:
                number += c
    t = np.where(abs(np.round(t * 24) / 24 - t) < 5e-4, np.round(t * 24) / 24, t)
    return r, t


def read_codcif(path):
    from pycodcif import parse

    blocks = parse(path)[0]
    for block in blocks:
        values = {name.lower().replace(".", "_"): column for name, column in block["values"].items()}
        if "_cell_length_a" in values and "_atom_site_fract_x" in values:
            break
    else:
        raise ValueError("no structure")

    def number(text):
        return float(text.split("(")[0])

    a, b, c = (number(values["_cell_length_" + x][0]) for x in "abc")
    angles = [number(values.get("_cell_angle_" + x, ["90"])[0]) for x in ("alpha", "beta", "gamma")]
    ca, cb, cg = np.cos(np.radians(angles))
    sg = np.sqrt(1 - cg * cg)
    y = (ca - cb * cg) / sg
    lattice = np.array([[a, 0, 0], [b * cg, b * sg, 0], [c * cb, c * y, c * np.sqrt(1 - cb * cb - y * y)]])
    names = ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz")
    texts = next((values[n] for n in names if n in values), None)
    if texts is None:
        raise ValueError("no list of operations")
    symbols = values.get("_atom_site_type_symbol") or values["_atom_site_label"]
    occupancies = values.get("_atom_site_occupancy") or ["1"] * len(symbols)
    if len(symbols) * len(texts) > MAX_SITES * 8:
        raise ValueError("too many sites to compare")
    species, frac = [], []
    for i, (symbol, occupancy) in enumerate(zip(symbols, occupancies)):
        letters = "".join(ch for ch in symbol[:2] if ch.isalpha()).capitalize()
        x = np.array([number(values["_atom_site_fract_" + axis][i]) for axis in "xyz"])
        for k in (1 / 3, 2 / 3):
            x = np.where(abs(x - k) <= 1e-4 * k, k, x)
        images = []
        for text in texts:
            r, t = operation(text)
            f = r @ x + t
            if not any(np.linalg.norm((f - g - np.round(f - g)) @ lattice) < MERGE for g in images):
                images.append(f)
        species += [{element(letters): number(occupancy) if occupancy not in ".?" else 1.0}] * len(images)
        frac += images
    return merge(lattice, species, np.array(frac))


# ---- comparison


def same_species(a, b):
    return set(a) == set(b) and all(abs(a[name] - b[name]) <= OCCUPANCY_TOLERANCE for name in a)


def describe(species):
    return dict(collections.Counter("+".join(f"{n}{x:.3g}" for n, x in sorted(s.items())) for s in species))


def compare(ours, theirs, tolerance):
    """'' or what differs, and the largest distance between matched sites in angstrom."""
    (la, sa, fa), (lb, sb, fb) = ours, theirs
    if not np.allclose(la @ la.T, lb @ lb.T, rtol=1e-6, atol=1e-6):
        return "cell", 0.0
    if len(sa) != len(sb):
        return f"species: {describe(sa)} against {describe(sb)}"[:300], 0.0
    worst, free = 0.0, np.ones(len(sb), bool)
    for one, f in zip(sa, fa):
        d = fb - f
        d -= np.round(d)
        r = np.where(free, np.linalg.norm(d @ la, axis=1), np.inf)
        j = int(np.argmin(r))
        if not same_species(one, sb[j]) and r[j] <= tolerance:
            return f"species of a site: {describe([one])} against {describe([sb[j]])}", 0.0
        free[j] = False
        worst = max(worst, float(r[j]))
    return (f"positions by {worst:.3g} angstrom" if worst > tolerance else ""), worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--peer", choices=("pymatgen", "gemmi", "ase", "codcif"), default="pymatgen")
    parser.add_argument("--limit", type=int, default=0, help="files of each folder")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="angstrom")
    parser.add_argument("--show", type=int, default=20)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    files = find_files(args.paths, args.limit)
    ours = read_ours(args.dump, files)
    read = {"pymatgen": read_pymatgen, "gemmi": read_gemmi, "ase": read_ase, "codcif": read_codcif}[args.peer]
    # What is not installed must not look like files that it can't read.
    importlib.import_module({"pymatgen": "pymatgen.io.cif", "gemmi": "gemmi", "ase": "ase.io", "codcif": "pycodcif"}[args.peer])
    counts, shown, worst_of_all = collections.Counter(), 0, 0.0
    for path in files:
        try:
            theirs, why = read(path), ""
        except Exception as error:  # any failure of the other reader is a finding, not a fault of this script
            theirs, why = None, f"{type(error).__name__}: {error}".split("\n")[0][:200]
        status, mine = ours.get(path, ("crashed", ""))
        what = ""
        if status == "ok" and theirs is not None:
            if max(len(mine[1]), len(theirs[1])) > MAX_SITES:
                counts["too many sites to compare"] += 1
                continue
            what, distance = compare(mine, theirs, args.tolerance)
            if not what:
                worst_of_all = max(worst_of_all, distance)
            kind = "same" if not what else "different"
        elif status == "ok":
            kind, what = f"only recryst reads", why
        elif theirs is not None:
            kind, what = f"only {args.peer} reads", f"{status}: {mine}"
        else:
            kind, what = "neither reads", f"{status}: {mine} | {why}"
        counts[kind] += 1
        if kind != "same" and shown < args.show:
            print(f"{os.path.basename(path)}: {kind}: {what}")
            shown += 1
    print(f"{args.peer}, {len(files)} files")
    for kind, n in sorted(counts.items()):
        print(f"{kind}: {n}")
    print(f"largest distance between matched sites: {worst_of_all:.3g} angstrom")
    if not counts["same"]:
        print("nothing was found to be the same")
        return 1
    return 1 if counts["different"] or counts[f"only {args.peer} reads"] else 0


if __name__ == "__main__":
    sys.exit(main())
