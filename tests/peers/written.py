#!/usr/bin/env python3
"""Read with recryst what ASE and pymatgen write, and compare with the crystal that they wrote.

    written.py DUMP FILE_OR_FOLDER... [--limit N] [--tolerance 1e-6] [--seed 1]

DUMP is the program that is built from tests/io/dump_crystal.c (ninja -C build dump_crystal).  Each CIF is read by
pymatgen and written in every layout below.  Needs numpy, ASE and pymatgen.
"""
import argparse
import collections
import os
import random
import sys
import tempfile
import warnings

import numpy as np

from compare import compare, find_files, read_ours, read_pymatgen


def write_ase(name, **options):
    def write(path, structure, atoms):
        import ase.io

        ase.io.write(path, atoms, **options)

    write.__name__ = name
    return write


def vasp4(path, structure, atoms):
    import ase.io

    ase.io.write(path, atoms, format="vasp", vasp5=False, direct=True)


def selective(path, structure, atoms):
    import ase.io
    from ase.constraints import FixAtoms

    fixed = atoms.copy()
    fixed.set_constraint(FixAtoms([0]))
    ase.io.write(path, fixed, format="vasp", direct=False)


def volume(path, structure, atoms):
    """The scale factor of what pymatgen writes replaced by the negative volume, the vectors made twice as long."""
    lines = structure.to(fmt="poscar").split("\n")
    lines[1] = f"{-structure.volume:.14f}"
    lines[2:5] = [" ".join(f"{2 * float(x):.16f}" for x in line.split()) for line in lines[2:5]]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\r\n".join(lines))


def wrapped(path, structure, atoms):
    """Each atom its own kind, symbols and counts on lines of 20, as VASP writes many kinds."""
    def rows(words):
        return "\n".join(" ".join(words[i : i + 20]) for i in range(0, len(words), 20))

    with open(path, "w", encoding="utf-8") as file:
        file.write("wrapped\n1.0D+00\n")
        for row in structure.lattice.matrix:
            file.write(" ".join(f"{x:.16E}".replace("E", "D") for x in row) + "\n")
        file.write(rows([s.specie.symbol + "_pv" for s in structure]) + "\n" + rows(["1"] * len(structure)) + "\nDirect\n")
        for site in structure:
            file.write(" ".join(f"{x:.16f}" for x in site.frac_coords) + "\n")
        file.write("\n" + "0.0 0.0 0.0\n" * len(structure))


def pymatgen_poscar(path, structure, atoms):
    from pymatgen.io.vasp import Poscar

    Poscar(structure).write_file(path, significant_figures=16)


def pymatgen_aims(path, structure, atoms):
    from pymatgen.io.aims.inputs import AimsGeometryIn

    with open(path, "w", encoding="utf-8") as file:
        file.write(AimsGeometryIn.from_structure(structure).content)


def pymatgen_cif_symmetric(path, structure, atoms):
    from pymatgen.io.cif import CifWriter

    CifWriter(structure, symprec=1e-4, significant_figures=12).write_file(path)


# name of the file, how it is written, whether its cell is another one (then pymatgen's reading of it is the reference)
LAYOUTS = [
    ("pymatgen.POSCAR", pymatgen_poscar, False),
    ("ase-direct.vasp", write_ase("ase_direct", format="vasp", direct=True), False),
    ("ase-cartesian.vasp", write_ase("ase_cartesian", format="vasp", direct=False, sort=True), False),
    ("ase-vasp4.POSCAR", vasp4, False),
    ("ase-selective.CONTCAR", selective, False),
    ("volume.POSCAR", volume, False),
    ("wrapped.POSCAR", wrapped, False),
    ("ase.geometry.in", write_ase("ase_aims", format="aims"), False),
    ("ase-frac.geometry.in", write_ase("ase_aims_scaled", format="aims", scaled=True), False),
    ("pymatgen.geometry.in", pymatgen_aims, False),
    ("ase.extxyz", write_ase("ase_extxyz", format="extxyz"), False),
    ("ase.cif", write_ase("ase_cif", format="cif"), False),
    ("symmetric.cif", pymatgen_cif_symmetric, True),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--tolerance", type=float, default=1e-6, help="angstrom; 1e-3 for CIFs, which round")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=20)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    from pymatgen.core import Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    files = find_files(args.paths, 0)
    random.Random(args.seed).shuffle(files)
    counts, shown = collections.Counter(), 0
    for first in range(0, min(args.limit, len(files)), 100):
        with tempfile.TemporaryDirectory() as folder:
            expected = {}
            for path in files[first : min(first + 100, args.limit)]:
                structure = Structure.from_file(path)
                atoms = AseAtomsAdaptor.get_atoms(structure)
                for name, write, other_cell in LAYOUTS:
                    target = os.path.join(folder, os.path.basename(path)[:-4] + "." + name)
                    try:
                        write(target, structure, atoms)
                        expected[target] = (name, structure, other_cell)
                    except Exception as error:  # what the other program can't write is not ours to read
                        counts[name, f"not written ({type(error).__name__})"] += 1
            ours = read_ours(args.dump, list(expected))
            for target, (name, structure, other_cell) in expected.items():
                status, mine = ours.get(target, ("crashed", ""))
                what = f"{status}: {mine}"
                if status == "ok" and other_cell:
                    what, _ = compare(mine, read_pymatgen(target), 1e-3)
                    if len(mine[1]) * structure.volume / len(structure) / abs(np.linalg.det(mine[0])) - 1 > 1e-5:
                        what = "density"
                elif status == "ok":
                    theirs = (
                        np.array(structure.lattice.matrix),
                        [{s.specie.symbol: 1.0} for s in structure],
                        np.array(structure.frac_coords),
                    )
                    what, _ = compare(mine, theirs, 1e-3 if name.endswith("cif") else args.tolerance)
                counts[name, "different" if what else "same"] += 1
                if what and shown < args.show:
                    print(f"{os.path.basename(target)}: {what}")
                    shown += 1
    for (name, kind), n in sorted(counts.items()):
        print(f"{name:24} {kind}: {n}")
    return 1 if any(kind == "different" for _, kind in counts) else 0


if __name__ == "__main__":
    sys.exit(main())
