"""Read what `recryst convert` writes with ASE, pymatgen and gemmi, and compare what `recryst info` says of crystals with
pymatgen and spglib.  usage: check_writers.py RECRYST DATA.tar.zst NUMBER FOLDER   (needs ase, gemmi, pymatgen, spglib)

DATA: a dataset in CGCNN's layout.  NUMBER of its crystals are taken, evenly spaced, and written in FOLDER."""
import csv
import json
import math
import os
import subprocess
import sys
import warnings

import ase.io
import gemmi
import numpy as np
import spglib
from ase.data import atomic_masses
from pymatgen.core import Composition, Lattice, Structure
from pymatgen.io.cif import CifParser
from pymatgen.io.vasp import Poscar
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

warnings.simplefilter("ignore")
recryst, data, number, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]


def run(*arguments):
    return subprocess.run([recryst, *arguments], check=True, capture_output=True, text=True).stdout


def convert(source, target, to):
    run("convert", source, os.path.join(folder, target), "--to", to, "--quiet")


# The reference: what recryst reads, as JSON read by the json module alone.
convert(data, "all.jsonl", "jsonl")
with open(os.path.join(folder, "all.jsonl")) as lines:
    rows = [json.loads(line) for line in lines]
rows = rows[:: max(1, len(rows) // number)][:number]
for row in rows:
    assert row["properties"], row["id"]
picked = os.path.join(folder, "picked.jsonl")
with open(picked, "w") as out:
    out.writelines(json.dumps(row) + "\n" for row in rows)
for to in ("cif", "poscar", "extxyz", "json"):
    convert(picked, f"{to}/", to)
convert(picked, "list.json", "json")
convert(picked, "frames.extxyz", "extxyz")


def same(name, row, lattice, numbers, frac, oriented, order=None, tolerance=1e-9):
    """The crystal of a row, in its own or another orientation, sites in order; a left-handed cell turned around."""
    want = np.array(row["lattice"]["matrix"])
    z = [site["species"][0]["element"] for site in row["sites"]]
    x = np.array([site["abc"] for site in row["sites"]])
    if order is not None:
        z, x = [z[k] for k in order], x[order]
    if np.linalg.det(want) < 0 and not (oriented and np.linalg.det(lattice) < 0):
        want, x = -want, -x
    assert list(numbers) == z, (name, row["id"])
    metric = np.abs(lattice @ lattice.T - want @ want.T).max() / np.abs(want @ want.T).max()
    assert metric < tolerance, (name, row["id"], metric)
    if oriented:
        assert np.abs(lattice - want).max() < tolerance, (name, row["id"])
    d = frac - x
    d -= np.round(d)
    assert np.abs(d).max() < tolerance, (name, row["id"], np.abs(d).max())


def grouped(row):
    z = [site["species"][0]["element"] for site in row["sites"]]
    return sorted(range(len(z)), key=lambda k: z.index(z[k]))


def ase_parts(atoms):
    return np.array(atoms.cell), atoms.get_chemical_symbols(), atoms.get_scaled_positions(wrap=False)


def pymatgen_parts(s):
    return np.array(s.lattice.matrix), [site.specie.symbol for site in s], np.array(s.frac_coords)


listed = [Structure.from_dict(d) for d in json.load(open(os.path.join(folder, "list.json")))]
frames = ase.io.read(os.path.join(folder, "frames.extxyz"), index=":")
assert len(listed) == len(frames) == len(rows)
for row, s, frame in zip(rows, listed, frames):
    name = row["id"]
    path = {to: os.path.join(folder, to, f"{name}.{'vasp' if to == 'poscar' else to}") for to in
            ("cif", "poscar", "extxyz", "json")}
    same("pymatgen, list", row, *pymatgen_parts(s), True)
    assert s.properties == row["properties"], name
    one = Structure.from_file(path["json"])
    same("pymatgen, json", row, *pymatgen_parts(one), True)
    assert one == Structure.from_dict(row), name
    same("ase, extxyz", row, *ase_parts(frame), True)
    assert str(frame.info["id"]) == name
    for key, value in row["properties"].items():
        assert math.isclose(float(frame.info[key]), float(value), rel_tol=1e-15), (name, key)
    same("ase, extxyz", row, *ase_parts(ase.io.read(path["extxyz"])), True)
    same("ase, poscar", row, *ase_parts(ase.io.read(path["poscar"], format="vasp")), True, grouped(row))
    same("pymatgen, poscar", row, *pymatgen_parts(Poscar.from_file(path["poscar"]).structure), True, grouped(row))
    # ASE takes coordinates within 1e-3 angstrom for one site and wraps them; pymatgen rounds 0.3333 to 1/3 unless told.
    same("ase, cif", row, *ase_parts(ase.io.read(path["cif"])), False)
    s = CifParser(path["cif"], frac_tolerance=0).parse_structures(primitive=False)[0]
    same("pymatgen, cif", row, *pymatgen_parts(s), False)
    small = gemmi.read_small_structure(path["cif"])
    lattice = np.array(Lattice.from_parameters(small.cell.a, small.cell.b, small.cell.c, small.cell.alpha,
                                               small.cell.beta, small.cell.gamma).matrix)
    same("gemmi, cif", row, lattice, [site.element.name for site in small.sites],
         np.array([site.fract.tolist() for site in small.sites]), False)
    assert small.spacegroup_hm == "P 1" and all(site.occ == 1 for site in small.sites)
table = {line["id"]: line for line in csv.DictReader(open(os.path.join(folder, "cif", "id_prop.csv")))}
for row in rows:
    for key, value in row["properties"].items():
        assert float(table[row["id"]][key]) == float(value), (row["id"], key)
print(f"{len(rows)} crystals: CIF, POSCAR, extended XYZ and JSON read alike by ASE, pymatgen and gemmi")

# info: formula, density, volume, space group, Wyckoff letters, shortest distance
differ, near = [], 0
for row, s in zip(rows, listed):
    said = json.loads(run("info", os.path.join(folder, "json", row["id"] + ".json"), "--json"))
    name = row["id"]
    # pymatgen doubles some reduced formulas (Na2O2 for NaO, O2 for O), so only its order is taken from it.
    divisor = math.gcd(*(int(v) for v in s.composition.values()))
    reduced = Composition({k: v / divisor for k, v in s.composition.items()}).hill_formula.split()
    reduced = "".join(word.removesuffix("1") if word.rstrip("0123456789") + "1" == word else word for word in reduced)
    assert said["formula"] == reduced and said["formulas_in_cell"] == divisor, (name, said["formula"], reduced)
    mass = sum(atomic_masses[site.specie.Z] for site in s)
    assert math.isclose(said["density"], mass / s.volume * 1.66053906660, rel_tol=1e-4), name
    assert math.isclose(said["density"], s.density, rel_tol=1e-3), name
    assert math.isclose(said["volume"], s.volume, rel_tol=1e-9), name
    assert said["composition"] == {k.symbol: v for k, v in s.composition.items()}, name
    distances = s.distance_matrix + np.diag([min(s.lattice.get_niggli_reduced_lattice().abc)] * len(s))
    assert math.isclose(said["shortest"]["distance"], distances.min(), rel_tol=1e-6), name
    analyzer = SpacegroupAnalyzer(s, symprec=0.01, angle_tolerance=-1)
    dataset = spglib.get_symmetry_dataset((s.lattice.matrix, s.frac_coords, [x.specie.Z for x in s]), symprec=0.01)
    group = said["space_group"]
    if group["number"] != analyzer.get_space_group_number():
        differ.append((name, group["symbol"], analyzer.get_space_group_symbol()))
        continue
    assert group["symbol"] == analyzer.get_space_group_symbol(), name
    # The number: later versions of spglib spell some Hall symbols in another way (-C 2bc 2 is -C 2ac 2).
    assert group["hall_number"] == dataset.hall_number, (name, group, dataset.hall_number)
    assert group["point_group"] == dataset.pointgroup and group["crystal_system"] == analyzer.get_crystal_system()
    assert [site["orbit"] for site in said["sites"]] == list(dataset.crystallographic_orbits), name
    # The choice of origin, and with it the letters, may differ between versions of spglib: the site symmetries may not.
    symmetries = sorted(site["site_symmetry"] for site in said["sites"])
    near += symmetries == sorted(dataset.site_symmetry_symbols)
print(f"{len(rows)} crystals: formula, density, distance as pymatgen; {len(rows) - len(differ)} space groups agree, "
      f"{near} lists of site symmetries do; differing: {differ}")
assert not differ and near == len(rows)

# Standard cells: as many sites, of the same volume and shape, as spglib's own.
for cell in ("primitive", "conventional"):
    target = os.path.join(folder, cell + ".jsonl")
    run("convert", picked, target, "--" + cell, "--quiet")
    for row, s, line in zip(rows, listed, open(target)):
        got = Structure.from_dict(json.loads(line))
        want = spglib.standardize_cell((s.lattice.matrix, s.frac_coords, [x.specie.Z for x in s]),
                                       to_primitive=cell == "primitive", symprec=0.01)
        assert len(got) == len(want[2]) and json.loads(line)["id"] == row["id"], (row["id"], cell)
        assert math.isclose(got.volume, abs(np.linalg.det(want[0])), rel_tol=1e-6), (row["id"], cell)
        assert np.allclose(sorted(got.lattice.abc), sorted(Lattice(want[0]).abc), rtol=1e-5), (row["id"], cell)
print(f"{len(rows)} crystals: primitive and conventional cells as spglib's")

# Disorder: the first site of each crystal shared by two elements and partly vacant, through CIF and JSON to pymatgen.
mixed = os.path.join(folder, "mixed.jsonl")
with open(mixed, "w") as out:
    for row in rows:
        row["sites"][0]["species"] = [{"element": "Y", "occu": 0.6}, {"element": "Yb", "occu": 0.3}]
        out.write(json.dumps(row) + "\n")
for to in ("cif", "json"):
    convert(mixed, f"mixed-{to}/", to)
for row in rows:
    want = Structure.from_dict(row)
    s = Structure.from_file(os.path.join(folder, "mixed-json", row["id"] + ".json"))
    assert s == want and s[0].species.as_dict() == {"Y": 0.6, "Yb": 0.3}, row["id"]
    s = CifParser(os.path.join(folder, "mixed-cif", row["id"] + ".cif"), frac_tolerance=0).parse_structures(primitive=False)[0]
    shared = [site for site in s if not site.is_ordered]  # pymatgen sorts the sites of a CIF by electronegativity
    assert len(s) == len(want) and len(shared) == 1, row["id"]
    assert shared[0].species.almost_equals(want[0].species), row["id"]
    said = json.loads(run("info", os.path.join(folder, "mixed-cif", row["id"] + ".cif"), "--json"))
    number = SpacegroupAnalyzer(want, symprec=0.01, angle_tolerance=-1).get_space_group_number()
    assert said["space_group"]["number"] == number, row["id"]
print(f"{len(rows)} disordered crystals: the same in pymatgen, and of the same space group")
