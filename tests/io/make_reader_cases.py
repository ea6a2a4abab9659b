"""Write the same crystals in every format that holds many of them, with ASE and pymatgen, and what they are.

usage: make_reader_cases.py FOLDER [NUMBER [SITES]]      (needs ase, pymatgen, monty; at most SITES sites, 6)

tests/io/cases/reader was made with NUMBER 3; test_reader.c runs it with 500 where RECRYST_VENV names a virtual environment.
expected.txt: for each file FILE, and for each of its structures a line
    id Z... | 9 components of the lattice | fractional coordinates | KEY VALUE
"""
import csv
import gzip
import json
import os
import sys
import warnings

import numpy as np
from ase.db import connect
from ase.io import write as ase_write
from monty.json import MontyEncoder
from pymatgen.core import Lattice, Structure
from pymatgen.entries.computed_entries import ComputedStructureEntry
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.cif import CifWriter

warnings.simplefilter("ignore")
folder, number = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
max_sites = int(sys.argv[3]) if len(sys.argv) > 3 else 6
os.makedirs(folder, exist_ok=True)
rng = np.random.default_rng(20)
elements = ["Li", "O", "Al", "Si", "Ti", "Fe", "Ni", "Ga", "Ag", "U"]


def crystal():
    n = int(rng.integers(1, max_sites + 1))
    lattice = Lattice.from_parameters(*rng.uniform(3, 9, 3).round(4), *rng.uniform(65, 115, 3).round(3))
    return Structure(lattice, [elements[k] for k in rng.integers(0, len(elements), n)], rng.random((n, 3)).round(6))


structures = [crystal() for _ in range(number)]
targets = [float(t) for t in rng.normal(size=number).round(6)]
ids = [f"x-{i}" for i in range(number)]
dicts = [s.as_dict() for s in structures]
expected = []


def expect(name, names, key, values=None):
    expected.append(name)
    for i, s in enumerate(structures):
        z = " ".join(str(site.specie.Z) for site in s)
        cell = " ".join(repr(float(x)) for x in np.array(s.lattice.matrix).ravel())
        frac = " ".join(repr(float(x)) for x in np.array(s.frac_coords).ravel())
        value = (values or targets)[i] if key else ""
        expected.append(f"{names[i]} {z} | {cell} | {frac} | {key or '-'} {value!r}")
    expected.append("")


def counted(stem):
    return [f"{stem}-{i + 1}" for i in range(number)]


def dump(name, value, **options):
    with open(os.path.join(folder, name), "w") as file:
        json.dump(value, file, **options)


dump("list.json", dicts)
expect("list.json", counted("list"), None)
dump("split.json", {"index": list(range(number)), "columns": ["structure", "e form"], "data": list(map(list, zip(dicts, targets)))})
expect("split.json", counted("split"), "e form")
dump("matbench_some_thing.json", {"index": list(range(number)), "columns": ["structure", "e form"],
                                  "data": list(map(list, zip(dicts, targets)))})
expect("matbench_some_thing.json", [f"mb-some-thing-{i + 1:0{len(str(number))}d}" for i in range(number)], "e form")
dump("split_data_first.json", {"data": list(map(list, zip(dicts, targets))), "columns": ["structure", "e"], "index": ids})
expect("split_data_first.json", ids, "e")
dump("records.json", [{"material_id": i, "e": t, "structure": d} for i, t, d in zip(ids, targets, dicts)], indent=1)
expect("records.json", ids, "e")
dump("columns.json", {"structure": {str(k): d for k, d in enumerate(dicts)}, "e": {str(k): t for k, t in enumerate(targets)}})
expect("columns.json", counted("columns"), "e")
dump("columns_by_id.json", {"e": dict(zip(ids, targets)), "structure": dict(zip(ids, dicts))})
expect("columns_by_id.json", ids, "e")
dump("by_id.json", {i: {"structure": d, "e": t} for i, d, t in zip(ids, dicts, targets)})
expect("by_id.json", ids, "e")
dump("structures_by_id.json", dict(zip(ids, dicts)))
expect("structures_by_id.json", ids, None)
entries = [ComputedStructureEntry(s, t, entry_id=i, data={"gap": k + 0.5, "e": -t})
           for k, (s, t, i) in enumerate(zip(structures, targets, ids))]
dump("entries.json", entries, cls=MontyEncoder)
expect("entries.json", ids, "energy")
dump("entries_in_an_object.json", {"@module": "m", "entries": entries}, cls=MontyEncoder)
expect("entries_in_an_object.json", ids, "gap", values=[k + 0.5 for k in range(number)])
with open(os.path.join(folder, "lines.jsonl"), "w") as file:
    for i, t, d in zip(ids, targets, dicts):
        file.write(json.dumps({"id": i, "e": t, "structure": d, "none": float("nan")}) + "\n")
expect("lines.jsonl", ids, "e")
dump("jarvis.json", [{"jid": i, "e": t, "atoms": {"lattice_mat": s.lattice.matrix.tolist(), "coords": s.frac_coords.tolist(),
                                                  "elements": [x.specie.symbol for x in s], "cartesian": False}}
                     for i, t, s in zip(ids, targets, structures)])
expect("jarvis.json", ids, "e")
dump("optimade.json", {
    "links": {"next": None}, "meta": {"api_version": "1.1.0", "query": {"representation": "/structures"}},
    "data": [{"id": i, "type": "structures", "attributes": {
        "lattice_vectors": s.lattice.matrix.tolist(), "cartesian_site_positions": s.cart_coords.tolist(),
        "species_at_sites": [x.specie.symbol for x in s], "nperiodic_dimensions": 3, "dimension_types": [1, 1, 1],
        "species": [{"name": e, "chemical_symbols": [e], "concentration": [1.0]} for e in sorted({x.specie.symbol for x in s})],
        "structure_features": [], "_xx_e": t}} for i, t, s in zip(ids, targets, structures)]})
expect("optimade.json", ids, "_xx_e")
cifs = [str(CifWriter(s)) for s in structures]
with open(os.path.join(folder, "mp.csv"), "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["", "material_id", "e", "formula", "cif", "cif.conv"])
    for k in range(number):
        table.writerow([k, ids[k], targets[k], structures[k].formula, cifs[k], cifs[0]])
expect("mp.csv", ids, "e")
with open(os.path.join(folder, "json_cells.csv"), "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["structure", "e"])
    for d, t in zip(dicts, targets):
        table.writerow([json.dumps(d), t])
expect("json_cells.csv", counted("json_cells"), "e")
atoms = [AseAtomsAdaptor.get_atoms(s) for s in structures]
path = os.path.join(folder, "ase.db")
if os.path.exists(path):
    os.unlink(path)
with connect(path) as database:
    for a, t, i in zip(atoms, targets, ids):
        database.write(a, key_value_pairs={"uid": i, "e": t, "stable": True}, data={"gap": 2 * t, "dos": np.arange(4.0)})
expect("ase.db", ids, "e")
for a, t, i in zip(atoms, targets, ids):
    a.info = {"id": i, "e": t}
ase_write(os.path.join(folder, "frames.extxyz"), atoms)
expect("frames.extxyz", ids, "e")
# The database is mostly empty pages: it is committed packed, and unpacked by the test.
for name in ["split.json", "mp.csv", "lines.jsonl", "ase.db"]:
    with open(os.path.join(folder, name), "rb") as file, open(os.path.join(folder, name + ".gz"), "wb") as out:
        out.write(gzip.compress(file.read(), mtime=0))
if number <= 10:
    os.unlink(path)
with open(os.path.join(folder, "expected.txt"), "w") as file:
    file.write("\n".join(expected) + "\n")
