"""How far the average of element vectors is from the average over alloys: python3 bench/disorder.py RECRYST [DATA].

Trains on the demo alloys, whose crystals are all ordered (a third are random alloys in supercells).  Then, for every pair of its
metals at three compositions, on the fcc lattice of the mean lattice constant: the prediction for one disordered
site (--disorder average), and the mean prediction for 16 cells of 32 atoms filled at random.  Standard library only.
"""
import itertools
import json
import math
import os
import random
import subprocess
import sys
import tempfile

# Lattice constants of fcc with the demo's potential (ase.calculators.emt), angstrom.
LENGTH = {"Al": 3.99, "Ni": 3.49, "Cu": 3.59, "Pd": 3.88, "Ag": 4.06, "Pt": 3.92, "Au": 4.06}
FCC = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
N_FILLINGS = 16


def cell(length):
    return [[length if i == j else 0 for j in range(3)] for i in range(3)]


def averaged(name, a, b, x, length):
    species = [{"element": a, "occu": 1 - x}, {"element": b, "occu": x}]
    sites = [{"species": species, "abc": list(r)} for r in FCC]
    return {"id": name, "lattice": {"matrix": cell(length)}, "sites": sites}


def filled(name, a, b, x, length, rng):
    frac = [[(r[k] + n[k]) / 2 for k in range(3)] for n in itertools.product(range(2), repeat=3) for r in FCC]
    species = [b] * round(x * len(frac)) + [a] * round((1 - x) * len(frac))
    rng.shuffle(species)
    return {"id": name, "lattice": cell(2 * length), "species": species, "frac": frac}


def run(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def main():
    recryst = sys.argv[1]
    demo = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "demo", "alloys.extxyz")
    data = sys.argv[2] if len(sys.argv) > 2 else demo
    rng = random.Random(5)
    structures, points = [], []
    for a, b in itertools.combinations(sorted(LENGTH), 2):
        for x in (0.25, 0.5, 0.75):
            length = (1 - x) * LENGTH[a] + x * LENGTH[b]
            points.append((a, b, x))
            structures.append(averaged(f"{a}{b}{x}", a, b, x, length))
            structures += [filled(f"{a}{b}{x}-{i}", a, b, x, length, rng) for i in range(N_FILLINGS)]
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run")
        run([recryst, "train", data, "--target", "formation_energy", "--epochs", "60", "--lr-milestones", "45",
             "--quiet", "--out", out])
        rows = run([recryst, "predict", out, "-", "--input-format", "jsonl", "--disorder", "average", "--quiet"],
                   input="".join(json.dumps(s) + "\n" for s in structures)).splitlines()[1:]
    value = [float(row.split(",")[1]) for row in rows]
    off, means = [], []
    print("alloy         averaged   fillings   (eV/atom, predicted)")
    for k, (a, b, x) in enumerate(points):
        group = value[k * (N_FILLINGS + 1):(k + 1) * (N_FILLINGS + 1)]
        mean = sum(group[1:]) / N_FILLINGS
        off.append(group[0] - mean)
        means.append(mean)
        print(f"{a}{1 - x:g}{b}{x:g}".ljust(12), f"{group[0]:9.3f}  {mean:9.3f}")
    n = len(points)
    middle, shift = sum(means) / n, sum(off) / n
    averages = [m + d for m, d in zip(means, off)]
    spread = math.sqrt(sum((m - middle) ** 2 for m in means))
    spread_of_averages = math.sqrt(sum((v - middle - shift) ** 2 for v in averages))
    together = sum((m - middle) * (v - middle - shift) for m, v in zip(means, averages))
    print(f"{n} alloys: averaged - mean of fillings: mean {shift:.3f}, mean absolute {sum(map(abs, off)) / n:.3f}, "
          f"largest {max(map(abs, off)):.3f} eV/atom; correlation {together / spread / spread_of_averages:.2f}; "
          f"standard deviation of the averaged {spread_of_averages / math.sqrt(n - 1):.3f}, "
          f"of the fillings' means {spread / math.sqrt(n - 1):.3f}")


main()
