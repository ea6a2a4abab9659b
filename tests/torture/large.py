#!/usr/bin/env python3
"""A dataset of many files, a tenth of them bad in ten ways: the table of errors says of each what is wrong, and of no other;
no row is lost or doubled.

usage: large.py N      N files, 2,000 in make test, 100,000 in make torture
"""

import csv
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

RECRYST = os.environ["RECRYST"]
SYMBOLS = "Li Na K Mg Ca Ti Fe Cu Zn Al Si Ge O S Cl F".split()
CELL = """data_c
_cell_length_a {a:.4f}
_cell_length_b {a:.4f}
_cell_length_c {c:.4f}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
"""
SITES = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
{x}1 {x} 0 0 0 {occupancy}
{y}1 {y} 0.5 0.5 0.5 1
"""
# What is wrong, and what the table says about it.
FAULTS = [
    ("missing", "there is no such file"),
    ("empty", "empty|no data|no cell|no structure"),
    ("no sites", "no atom|no site|_atom_site"),
    ("no cell", "cell"),
    ("no volume", "volume|greater than 0|positive"),
    ("no element", "no chemical element|unknown element"),
    ("noise", "."),
    ("a folder", "folder|not a regular file|no such file in the archive"),
    ("no target", "is not a finite number|is not a number|is no number"),
    ("disordered", "disorder|occupanc|vacant"),
]


def fault_of(i):
    return (i // 10) % len(FAULTS) if i % 10 == 3 else None


def make(folder, n):
    os.makedirs(folder)
    with open(os.path.join(folder, "id_prop.csv"), "w") as table:
        for i in range(n):
            fault = fault_of(i)
            fault = FAULTS[fault][0] if fault is not None else ""
            target = "unknown" if fault == "no target" else "%.6f" % ((i * 37 % 1000) / 250 - 2)
            table.write("crystal-%06d,%s\n" % (i, target))
            path = os.path.join(folder, "crystal-%06d.cif" % i)
            x, y = SYMBOLS[i % 16], SYMBOLS[i // 16 % 16]
            a = 3.2 + 0.001 * (i % 997)
            cell = CELL.format(a=a, c=0 if fault == "no volume" else a)
            sites = SITES.format(x="Qq" if fault == "no element" else x, y=y, occupancy=0.4 if fault == "disordered" else 1)
            if fault == "missing":
                continue
            if fault == "a folder":
                os.mkdir(path)
                continue
            text = cell + sites
            if fault == "empty":
                text = ""
            elif fault == "no sites":
                text = cell
            elif fault == "no cell":
                text = "data_c\n_symmetry_space_group_name_H-M 'P 1'\n" + sites
            with open(path, "wb") as file:
                file.write(bytes((i * j * 2654435761 >> 13) % 256 for j in range(1, 400)) if fault == "noise" else text.encode())


def run(what, *argv):
    before = time.monotonic()
    done = subprocess.run([RECRYST, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit("%s ended with %d: %s" % (what, done.returncode, done.stderr[-1000:]))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print("%-42s %7.1f s, at most %d MB resident so far" % (what, time.monotonic() - before, peak), flush=True)
    return done.stdout, done.stderr


def check(condition, what):
    if not condition:
        sys.exit("FAILED: " + what)


def check_reason(i, text, where):
    name, pattern = FAULTS[fault_of(i)]
    check(re.search(pattern, text), "%s says of crystal %d (%s): %s" % (where, i, name, text))


def check_errors(path, bad, where):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    check([row["id"] for row in rows] == ["crystal-%06d" % i for i in bad], "%s has other rows than the bad ones" % where)
    for i, row in zip(bad, rows):
        check(row["row"] == str(i + 1), "%s says row %s of crystal %d" % (where, row["row"], i))
        check_reason(i, row["reason"], where)


def check_rows(text, n, where):
    rows = list(csv.DictReader(text.splitlines()))
    check([row["id"] for row in rows] == ["crystal-%06d" % i for i in range(n)], "%s: a row is lost, doubled or out of order" % where)
    for i, row in enumerate(rows):
        bad = fault_of(i) is not None and FAULTS[fault_of(i)][0] != "no target"
        check((row["prediction"] == "") == bad and (row["error"] != "") == bad, "%s: the row of crystal %d: %s" % (where, i, row))
        if bad:
            check_reason(i, row["error"], where)


def main():
    n = int(sys.argv[1])
    bad = [i for i in range(n) if fault_of(i) is not None]
    small = ["--epochs", "1", "--atom-features", "8", "--hidden", "8", "--steps", "1", "--quiet"]
    with tempfile.TemporaryDirectory() as work:
        data, store, model = (os.path.join(work, name) for name in ("data", "data.store", "run"))
        make(data, n)
        run("train from %d files, %d bad" % (n, len(bad)), "train", data, *small, "--out", model)
        check_errors(os.path.join(model, "errors.csv"), bad, "errors.csv")
        rows, err = run("predict a dataset of %d files" % n, "predict", model, data)
        check_rows(rows, n, "predict")
        expected = sum(FAULTS[fault_of(i)][0] != "no target" for i in bad)
        check(re.search("%s inputs could not be used" % "{:,}".format(expected), err), "predict counts otherwise: " + err[-300:])
        _, err = run("prepare", "prepare", data, "--out", store)
        check("%s rows, %s usable" % ("{:,}".format(n), "{:,}".format(n - expected)) in err, "prepare counts otherwise: " + err)
        run("train from the store", "train", store, *small, "--out", model + "-store")
        check_errors(os.path.join(model + "-store", "errors.csv"), bad, "errors.csv of the store")
        for name in ("model.safetensors", "predictions-test.csv", "predictions-train.csv"):
            with open(os.path.join(model, name), "rb") as a, open(os.path.join(model + "-store", name), "rb") as b:
                check(a.read() == b.read(), "%s differs between the files and the store" % name)
        packed = os.path.join(work, "data.tar")
        subprocess.run(["tar", "-cf", packed, "-C", work, "data"], check=True)
        rows, _ = run("predict the same from an archive", "predict", model, packed)
        check_rows(rows, n, "predict from an archive")
        shutil.rmtree(data)
    print("%d files, %d of them bad: every table is right" % (n, len(bad)))


if __name__ == "__main__":
    main()
