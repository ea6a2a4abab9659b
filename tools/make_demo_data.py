#!/usr/bin/env python3
"""Make the demo data: relaxed alloys and their formation energies from an effective-medium potential.

Needs Python with ASE (https://ase-lib.org) and numpy, and the zstd command.  Nothing in recryst needs Python; this
script is here so that anybody can see where data/demo comes from, and make it again.

What it does
  * Builds unaries, binaries and ternaries of Al, Ni, Cu, Pd, Ag, Pt, Au: ordered prototypes derived from fcc, bcc, hcp
    and simple cubic, and random occupations of fcc, bcc and hcp supercells of 4 to 32 atoms whose shape is drawn too.
  * Relaxes cell and positions with ASE's EMT potential (Jacobsen, Stoltze and Norskov, Surf. Sci. 366, 394 (1996)).
    Relaxation keeps a structure's symmetry, so an ordered prototype usually stays what it was, stable or not.
  * Writes the formation energy in eV/atom, relative to the fcc elements relaxed in the same way.
Structures that do not converge, and structures equal to one before them, are left out.

Everything random comes from SEED and a structure's number, so the same versions of Python, numpy and ASE give the same
bytes, on any number of processes.

usage: make_demo_data.py [--out data/demo] [--count N] [--processes N]
"""
import argparse
import io
import multiprocessing
import os
import subprocess
import sys
import tarfile
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # sums of many threads would depend on their number

import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.geometry import cellpar_to_cell
from ase.geometry.minkowski_reduction import minkowski_reduce
from ase.optimize import BFGS

warnings.filterwarnings("ignore", message="logm result may be inaccurate")  # of 1e-13, in the cell filter

SEED = 20260501
N_CRYSTALS = 1500
N_EXAMPLES = 5
N_RANDOM = 930
FMAX = 0.01  # eV/angstrom; for the cell, the virial's share
MAX_STEPS = 400
ELEMENTS = ["Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au"]
# Fcc lattice constants from which radii of touching spheres are taken for the first guess, angstrom.
FCC_A = {"Al": 4.0, "Ni": 3.5, "Cu": 3.6, "Pd": 3.9, "Ag": 4.1, "Pt": 3.9, "Au": 4.1}

FCC = [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
BCC = [[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]
CUBIC = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
HCP = [[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, (8 / 3) ** 0.5]]
HCP_SITES = [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]

# A prototype: lattice rows in any unit, fractional sites, and the site's species as a letter.
# A15, Laves and diamond-like sites have their textbook coordinates.
PROTOTYPES = {
    # unaries
    "fcc": (FCC, [[0, 0, 0]], "A"),
    "bcc": (BCC, [[0, 0, 0]], "A"),
    "sc": (CUBIC, [[0, 0, 0]], "A"),
    "hcp": (HCP, HCP_SITES, "AA"),
    "dhcp": ([[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, 2 * (8 / 3) ** 0.5]],
             [[0, 0, 0], [1 / 3, 2 / 3, 0.25], [0, 0, 0.5], [2 / 3, 1 / 3, 0.75]], "AAAA"),
    "A15": (CUBIC, [[0, 0, 0], [0.5, 0.5, 0.5], [0.25, 0, 0.5], [0.75, 0, 0.5], [0.5, 0.25, 0], [0.5, 0.75, 0],
                    [0, 0.5, 0.25], [0, 0.5, 0.75]], "AAAAAAAA"),
    # AB
    "L10": ([[0.5, 0.5, 0], [-0.5, 0.5, 0], [0, 0, 1]], [[0, 0, 0], [0.5, 0.5, 0.5]], "AB"),
    "L11": ([[1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]], [[0, 0, 0], [0.5, 0.5, 0.5]], "AB"),
    "B2": (CUBIC, [[0, 0, 0], [0.5, 0.5, 0.5]], "AB"),
    "B1": (FCC, [[0, 0, 0], [0.5, 0.5, 0.5]], "AB"),
    "Bh": ([[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, (2 / 3) ** 0.5 * 2]], HCP_SITES, "AB"),
    "B19": ([[1, 0, 0], [0, 3**0.5, 0], [0, 0, (8 / 3) ** 0.5]],
            [[0, 0, 0], [0.5, 0.5, 0], [0, 1 / 3, 0.5], [0.5, 5 / 6, 0.5]], "ABAB"),
    "CH": ([[1, 0, 0], [0, 1, 0], [0, 0, 2]],
           [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.25], [0, 0.5, 0.25], [0, 0, 0.5], [0.5, 0.5, 0.5], [0.5, 0, 0.75],
            [0, 0.5, 0.75]], "ABABBABA"),
    # A3B
    "L12": (CUBIC, [[0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [0, 0, 0]], "AAAB"),
    "D022": ([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 1]], [[0.5, 0.5, 0], [0.75, 0.25, 0.5], [0.25, 0.75, 0.5], [0, 0, 0]],
             "AAAB"),
    "D03": (FCC, [[0.25, 0.25, 0.25], [0.75, 0.75, 0.75], [0.5, 0.5, 0.5], [0, 0, 0]], "AAAB"),
    "D019": ([[2, 0, 0], [-1, 3**0.5, 0], [0, 0, (8 / 3) ** 0.5]],
             [[1 / 6, 1 / 3, 0.25], [1 / 6, 5 / 6, 0.25], [2 / 3, 5 / 6, 0.25], [5 / 6, 2 / 3, 0.75],
              [5 / 6, 1 / 6, 0.75], [1 / 3, 1 / 6, 0.75], [2 / 3, 1 / 3, 0.25], [1 / 3, 2 / 3, 0.75]], "AAAAAABB"),
    # A2B
    "C11b": ([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 1.5]], [[1 / 3, 1 / 3, 1 / 3], [2 / 3, 2 / 3, 2 / 3], [0, 0, 0]],
             "AAB"),
    "fcc001": ([[0.5, 0.5, 0], [-0.5, 0.5, 0], [0.5, 0, 1.5]], [[0, 0, 0], [1 / 3, 2 / 3, 1 / 3],
                                                                [2 / 3, 1 / 3, 2 / 3]], "BAA"),
    "C15": (FCC, [[0, 0, 0], [0.25, 0.25, 0.25], [0.625, 0.625, 0.625], [0.625, 0.625, 0.125],
                  [0.625, 0.125, 0.625], [0.125, 0.625, 0.625]], "BBAAAA"),
    "fcc111": ([[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, 1.5 * (8 / 3) ** 0.5]],
                 [[0, 0, 0], [1 / 3, 2 / 3, 1 / 3], [2 / 3, 1 / 3, 2 / 3]], "BAA"),
    # A2BC; for A the first element
    "L21": (FCC, [[0.25, 0.25, 0.25], [0.75, 0.75, 0.75], [0, 0, 0], [0.5, 0.5, 0.5]], "AABC"),
    "Xa": (FCC, [[0, 0, 0], [0.25, 0.25, 0.25], [0.5, 0.5, 0.5], [0.75, 0.75, 0.75]], "AABC"),
    "fcc4": (CUBIC, [[0.5, 0, 0.5], [0, 0.5, 0.5], [0, 0, 0], [0.5, 0.5, 0]], "AABC"),
}
UNARY = ["fcc", "bcc", "sc", "hcp", "dhcp", "A15"]
AB = ["L10", "L11", "B2", "B1", "Bh", "B19", "CH"]
AXBY = ["L12", "D022", "D03", "D019", "C11b", "fcc001", "C15", "fcc111"]
A2BC = ["L21", "Xa", "fcc4"]


def pairs():
    return [(a, b) for i, a in enumerate(ELEMENTS) for b in ELEMENTS[i + 1:]]


def triples():
    return [(a, b, c) for i, a in enumerate(ELEMENTS) for j, b in enumerate(ELEMENTS[i + 1:], i + 1)
            for c in ELEMENTS[j + 1:]]


def specifications():
    """Everything to try, in order: (kind, prototype, elements, number)."""
    specs = [("ordered", p, (a,), 0) for p in UNARY for a in ELEMENTS]
    specs += [("ordered", p, pair, 0) for p in AB for pair in pairs()]
    specs += [("ordered", p, pair, 0) for p in AXBY for ab in pairs() for pair in (ab, ab[::-1])]
    for p in A2BC:
        for a, b, c in triples():
            specs += [("ordered", p, (a, b, c), 0), ("ordered", p, (b, a, c), 0), ("ordered", p, (c, a, b), 0)]
    specs += [("random", "", (), number) for number in range(N_RANDOM)]
    return specs


def with_volume(lattice, sites, symbols):
    """Atoms scaled to the volume that the elements have in fcc."""
    atoms = Atoms(symbols, scaled_positions=sites, cell=lattice, pbc=True)
    if atoms.get_volume() <= 0:
        raise ValueError("left-handed lattice")
    volume = sum(FCC_A[s] ** 3 / 4 for s in symbols)
    atoms.set_cell(atoms.cell * (volume / atoms.get_volume()) ** (1 / 3), scale_atoms=True)
    return atoms


def ordered(prototype, elements):
    lattice, sites, letters = PROTOTYPES[prototype]
    lattice = np.array(lattice, float)
    if np.linalg.det(lattice) < 0:
        lattice = -lattice
    return with_volume(lattice, sites, [elements["ABC".index(x)] for x in letters])


def random_alloy(number):
    """A random occupation of a random supercell: every cell shape of a size is equally likely (Hermite normal form)."""
    rng = np.random.default_rng([SEED, number])
    parent = rng.choice(["fcc", "bcc", "hcp"], p=[0.55, 0.25, 0.20])
    n = int(rng.choice(np.arange(4, 33), p=(w := 1 / np.arange(4, 33) ** 0.75) / w.sum()))
    lattice, sites, letters = PROTOTYPES[str(parent)]
    copies = max(2, n // len(letters))
    shapes = [(a, b, copies // a // b) for a in range(1, copies + 1) if copies % a == 0
              for b in range(1, copies // a + 1) if (copies // a) % b == 0]
    weights = np.array([a * a * b for a, b, c in shapes], float)  # their Hermite normal forms
    a, b, c = shapes[rng.choice(len(shapes), p=weights / weights.sum())]
    hnf = np.array([[a, 0, 0], [rng.integers(a), b, 0], [rng.integers(a), rng.integers(b), c]])
    primitive = Atoms(["Al"] * len(letters), scaled_positions=sites, cell=lattice, pbc=True)
    cell, _ = minkowski_reduce(hnf @ primitive.cell.array)
    if np.linalg.det(cell) < 0:
        cell = -cell
    positions = []
    shifts = np.array([[i, j, k] for i in range(a) for j in range(b) for k in range(c)])
    for site in primitive.positions:
        positions += [site + shift @ primitive.cell.array for shift in shifts]
    fractional = np.linalg.solve(cell.T, np.array(positions).T).T % 1.0
    k = int(rng.choice([2, 3], p=[0.55, 0.45]))
    elements = sorted(rng.choice(ELEMENTS, k, replace=False), key=ELEMENTS.index)
    share = rng.dirichlet(np.ones(k) * 2)
    symbols = [str(s) for s in rng.choice(elements, len(fractional), p=share)]
    if len(set(symbols)) == 1:
        symbols[0] = str(elements[0] if symbols[0] != elements[0] else elements[1])
    return str(parent), with_volume(cell, fractional, symbols)


def relax(atoms):
    """Relaxed atoms and energy in eV/atom, or None when it does not converge."""
    atoms.calc = EMT()
    if not BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=FMAX, steps=MAX_STEPS):
        return None
    distances = atoms.get_all_distances(mic=True)
    if len(atoms) > 1 and distances[np.triu_indices(len(atoms), 1)].min() < 1.8:
        return None
    return atoms, atoms.get_potential_energy() / len(atoms)


def formula(symbols):
    return "".join(e + (str(n) if n > 1 else "") for e in ELEMENTS if (n := symbols.count(e)) > 0)


def compute(spec):
    kind, prototype, elements, number = spec
    try:
        if kind == "ordered":
            atoms = ordered(prototype, elements)
            suffix = prototype
        else:
            prototype, atoms = random_alloy(number)
            suffix = f"{prototype}-r{number:03d}"
        relaxed = relax(atoms)
    except (ValueError, np.linalg.LinAlgError, RuntimeError, ZeroDivisionError, FloatingPointError):
        return spec, None
    if relaxed is None:
        return spec, None
    atoms, energy = relaxed
    symbols = atoms.get_chemical_symbols()
    # The stored form: six decimals of angstrom, degrees and fractions.
    parameters = [round(float(x), 6) for x in atoms.cell.cellpar()]
    fractional = np.round(atoms.get_scaled_positions(wrap=True), 6) % 1.0
    return spec, (f"{formula(symbols)}-{suffix}", symbols, parameters, fractional, energy, atoms.get_volume())


def cif(name, symbols, parameters, fractional):
    lines = [f"data_{name}"]
    for key, value in zip(["length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"], parameters):
        lines.append(f"_cell_{key} {value:.6f}")
    lines += ["_symmetry_space_group_name_H-M 'P 1'", "_symmetry_Int_Tables_number 1", "loop_",
              "_symmetry_equiv_pos_as_xyz", "'x, y, z'", "loop_", "_atom_site_label", "_atom_site_type_symbol",
              "_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z"]
    count = {}
    for symbol, (x, y, z) in zip(symbols, fractional):
        count[symbol] = count.get(symbol, 0) + 1
        lines.append(f"{symbol}{count[symbol]} {symbol} {x:.6f} {y:.6f} {z:.6f}")
    return "\n".join(lines) + "\n"


def short(x):
    text = f"{x:.5f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def extxyz(name, symbols, parameters, fractional, energy):
    cell = cellpar_to_cell(parameters)
    lines = [str(len(symbols)),
             'Lattice="' + " ".join(short(x) for x in cell.flatten())
             + f'" Properties=species:S:1:pos:R:3 id={name} formation_energy={energy} pbc="T T T"']
    for symbol, position in zip(symbols, fractional @ cell):
        lines.append(symbol + " " + " ".join(short(x) for x in position))
    return "\n".join(lines) + "\n"


def write_archive(path, members):
    """A tar of (name, text), with nothing of this machine in it, compressed by zstd."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in members:
            info = tarfile.TarInfo(name)
            info.size = len(data := text.encode())
            info.mode = 0o644
            tar.addfile(info, io.BytesIO(data))
    with open(path, "wb") as file:
        subprocess.run(["zstd", "-19", "-q", "-c"], input=raw.getvalue(), stdout=file, check=True)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=os.path.join(here, "..", "data", "demo"))
    parser.add_argument("--count", type=int, default=N_CRYSTALS, help="crystals to write (default %(default)s)")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()

    specs = specifications()
    if arguments.count < N_CRYSTALS:  # a small set for trying the script: spread over all kinds
        keep = np.linspace(0, len(specs) - 1, 2 * (arguments.count + N_EXAMPLES)).astype(int)
        specs = [specs[i] for i in sorted(set(keep.tolist()))]
    reference = {e: compute(("ordered", "fcc", (e,), 0))[1][4] for e in ELEMENTS}

    crystals, seen, failed, equal = [], set(), 0, 0
    with multiprocessing.Pool(arguments.processes) as pool:
        for i, (spec, result) in enumerate(pool.imap(compute, specs, chunksize=4)):
            if i % 50 == 0:
                print(f"{i}/{len(specs)}: {len(crystals)} kept, {failed} failed, {equal} equal", file=sys.stderr,
                      flush=True)
            if result is None:
                failed += 1
                print(f"not converged: {spec}", file=sys.stderr)
                continue
            name, symbols, parameters, fractional, energy, volume = result
            formation = energy - sum(reference[s] for s in symbols) / len(symbols)
            text = f"{formation:.5f}"
            if abs(formation) < 5e-6:
                text = "0.00000"
            share = tuple(round(symbols.count(e) / len(symbols), 6) for e in ELEMENTS)
            key = (share, round(formation, 4), round(volume / len(symbols), 2))
            if key in seen:
                equal += 1
                continue
            seen.add(key)
            crystals.append((name, symbols, parameters, fractional, text))
    print(f"{len(crystals)} kept, {failed} failed, {equal} equal to another", file=sys.stderr)

    # Held-out examples, drawn from all; of the rest, random alloys are dropped if there are more than asked for.
    rng = np.random.default_rng(SEED)
    chosen = set(rng.choice(len(crystals), N_EXAMPLES, replace=False).tolist())
    examples = [c for i, c in enumerate(crystals) if i in chosen]
    crystals = [c for i, c in enumerate(crystals) if i not in chosen]
    surplus = max(0, len(crystals) - arguments.count)
    drawn = [i for i, c in enumerate(crystals) if "-r" in c[0]]
    dropped = set(rng.choice(drawn, min(surplus, len(drawn)), replace=False).tolist())
    crystals = [c for i, c in enumerate(crystals) if i not in dropped][:arguments.count]

    os.makedirs(os.path.join(arguments.out, "examples"), exist_ok=True)
    rows = "id,formation_energy\n" + "".join(f"{c[0]},{c[4]}\n" for c in crystals)
    members = [("alloys/id_prop.csv", rows)] + [(f"alloys/{c[0]}.cif", cif(*c[:4])) for c in crystals]
    write_archive(os.path.join(arguments.out, "alloys.tar.zst"), members)
    with open(os.path.join(arguments.out, "alloys.extxyz"), "w", newline="\n") as file:
        file.writelines(extxyz(*c) for c in crystals)
    for c in examples:
        with open(os.path.join(arguments.out, "examples", c[0] + ".cif"), "w", newline="\n") as file:
            file.write(cif(*c[:4]))
    with open(os.path.join(arguments.out, "examples", "formation_energy.csv"), "w", newline="\n") as file:
        file.write("id,formation_energy\n" + "".join(f"{c[0]},{c[4]}\n" for c in examples))
    energies = np.array([float(c[4]) for c in crystals])
    print(f"{len(crystals)} crystals, {sum(len(c[1]) for c in crystals)} atoms; formation energy "
          f"{energies.min():.3f} to {energies.max():.3f}, mean {energies.mean():.3f}, standard deviation "
          f"{energies.std(ddof=1):.4f} eV/atom")


if __name__ == "__main__":
    main()
