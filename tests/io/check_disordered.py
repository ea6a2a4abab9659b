"""Compares what recryst and pymatgen read from CIFs with disordered sites: python check_disordered.py RECRYST [FILE...].

Writes CIFs of random disordered crystals in several space groups, reads them (and FILEs) with both, and fails unless
the cells have the same sites with the same species.  Needs pymatgen and numpy.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from pymatgen.core import Composition, Lattice, Structure
from pymatgen.io.cif import CifParser, CifWriter
from pymatgen.symmetry.groups import SpaceGroup

warnings.filterwarnings("ignore")
ELEMENTS = "Li Na K Mg Ca Al Si Ti Fe Co Ni Cu Zn O S Se F Cl Br La".split()
# Group, lattice system, and sites in general and special positions that stay apart.
GROUPS = [
    ("P1", "triclinic", [(0.1, 0.2, 0.3), (0.6, 0.7, 0.8), (0.35, 0.9, 0.05)]),
    ("P-1", "triclinic", [(0, 0, 0), (0.2, 0.3, 0.4), (0.5, 0.5, 0)]),
    ("P2_1/c", "monoclinic", [(0, 0, 0), (0.3, 0.12, 0.21)]),
    ("Pnma", "orthorhombic", [(0, 0, 0), (0.45, 0.25, 0.05), (0.2, 0.05, 0.3)]),
    ("P4/mmm", "tetragonal", [(0, 0, 0), (0.5, 0.5, 0.5), (0, 0.5, 0.2)]),
    ("R-3m", "hexagonal", [(0, 0, 0), (0, 0, 0.5), (0, 0, 0.24)]),
    ("P6_3mc", "hexagonal", [(1 / 3, 2 / 3, 0), (1 / 3, 2 / 3, 0.37)]),
    ("Fm-3m", "cubic", [(0, 0, 0), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)]),
    ("Fd-3m", "cubic", [(0.5, 0.5, 0.5), (0.125, 0.125, 0.125), (0.2625, 0.2625, 0.2625)]),
    ("Pm-3m", "cubic", [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0, 0)]),
]


def random_lattice(system, rng):
    a, b, c = (rng.uniform(6, 11) for _ in range(3))
    return {
        "triclinic": lambda: Lattice.from_parameters(a, b, c, rng.uniform(75, 105), rng.uniform(75, 105), 93),
        "monoclinic": lambda: Lattice.monoclinic(a, b, c, rng.uniform(91, 115)),
        "orthorhombic": lambda: Lattice.orthorhombic(a, b, c),
        "tetragonal": lambda: Lattice.tetragonal(a, c),
        "hexagonal": lambda: Lattice.hexagonal(a, c),
        "cubic": lambda: Lattice.cubic(a),
    }[system]()


def random_species(rng):
    kind = rng.randrange(5)
    names = rng.sample(ELEMENTS, 4)
    if kind == 0:
        return Composition({names[0]: 1})
    if kind == 1:
        return Composition({names[0]: round(rng.uniform(0.1, 0.95), 3)})
    n = 2 + rng.randrange(3)
    cuts = sorted(rng.randrange(1, 1000) for _ in range(n - 1))
    if len(set(cuts)) < n - 1:
        return Composition({names[0]: 0.25, names[1]: 0.5})
    shares = np.diff([0] + cuts + [1000]) / 1000
    if kind == 2:
        shares = shares[:-1]
    return Composition(dict(zip(names, shares)))


def write_by_hand(path, lattice, symbol, species, positions):
    """A row for each element of a site, and operations as a file from a refinement has them."""
    operations = [str(o.as_xyz_str()) for o in SpaceGroup(symbol).symmetry_ops]
    lines = ["data_x"]
    for name, value in zip(("length_a", "length_b", "length_c"), lattice.abc):
        lines.append(f"_cell_{name} {value:.5f}")
    for name, value in zip(("alpha", "beta", "gamma"), lattice.angles):
        lines.append(f"_cell_angle_{name} {value:.4f}")
    lines += ["loop_", "_symmetry_equiv_pos_as_xyz"] + [f"'{o}'" for o in operations]
    lines += ["loop_"] + ["_atom_site_" + t for t in "label type_symbol fract_x fract_y fract_z occupancy".split()]
    for i, (held, x) in enumerate(zip(species, positions)):
        for name, share in held.items():
            lines.append(f"{name}{i} {name} {x[0]:.6f} {x[1]:.6f} {x[2]:.6f} {share:.4g}")
    path.write_text("\n".join(lines) + "\n")


def ours(recryst, path):
    command = [recryst, "graph", str(path), "--disorder", "average", "--format", "json", "--max-neighbors", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None, done.stderr.strip()
    g = json.loads(done.stdout)
    offset = g.get("species_offset") or list(range(g["n_atoms"] + 1))
    number = g.get("species_number") or g["atomic_number"]
    share = g.get("species_occupancy") or [1] * g["n_atoms"]
    sites = [{number[k]: share[k] for k in range(offset[i], offset[i + 1])} for i in range(g["n_atoms"])]
    return (np.array(g["lattice"]), np.array(g["frac"]), sites), ""


def theirs(path):
    structure = CifParser(str(path), occupancy_tolerance=1.05, site_tolerance=1e-3).parse_structures(primitive=False)[0]
    sites = []
    for site in structure:
        held = {}
        for element, share in site.species.items():
            held[element.Z] = held.get(element.Z, 0) + share
        sites.append(held)
    return structure.lattice.matrix, structure.frac_coords, sites


def difference(a, b):
    """What is not the same, or an empty string."""
    if len(a[2]) != len(b[2]):
        return f"{len(a[2])} and {len(b[2])} sites"
    if np.abs(a[0] @ a[0].T - b[0] @ b[0].T).max() > 1e-3:
        return "other cells"
    apart = a[1][:, None, :] - b[1][None, :, :]
    apart -= np.round(apart)
    near = np.linalg.norm(apart @ a[0], axis=2)
    taken = near.argmin(axis=1)
    if len(set(taken)) != len(taken) or near.min(axis=1).max() > 0.01:
        return f"sites {near.min(axis=1).max():.3f} A apart"
    for i, j in enumerate(taken):
        for z in set(a[2][i]) | set(b[2][j]):
            if abs(a[2][i].get(z, 0) - b[2][j].get(z, 0)) > 1.1e-3:
                return f"site {i + 1} holds {a[2][i]} and {b[2][j]}"
    return ""


def main():
    recryst, files = sys.argv[1], [pathlib.Path(f) for f in sys.argv[2:]]
    rng = random.Random(4)
    n_bad = n_disordered = 0
    with tempfile.TemporaryDirectory() as folder:
        for trial in range(120):
            symbol, system, positions = GROUPS[trial % len(GROUPS)]
            lattice = random_lattice(system, rng)
            species = [random_species(rng) for _ in positions]
            path = pathlib.Path(folder) / f"{trial}-{symbol.replace('/', '_')}.cif"
            if trial % 3 == 2:
                CifWriter(Structure.from_spacegroup(symbol, lattice, species, positions)).write_file(path)
            else:
                write_by_hand(path, lattice, symbol, species, positions)
            files.append(path)
        for path in files:
            a, why = ours(recryst, path)
            b = theirs(path)
            wrong = why if a is None else difference(a, b)
            n_disordered += any(len(s) > 1 or min(s.values()) < 0.999 for s in b[2])
            if wrong:
                n_bad += 1
                print(f"{path.name}: {wrong}")
    print(f"{len(files)} files, {n_disordered} of them disordered, {n_bad} read otherwise than by pymatgen")
    sys.exit(n_bad > 0 or n_disordered < 100)


main()
