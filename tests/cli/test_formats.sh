#!/usr/bin/env bash
# The same crystals in every format: training on each gives the same model, and each structure of a file is predicted.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
if ! command -v python3 >/dev/null || ! python3 -c 'import sqlite3, zipfile, gzip, bz2, lzma' 2>/dev/null; then
    [ "${CI:-}" != true ] || fail "python3 is needed"
    echo "SKIPPED: needs python3"
    exit 77
fi

# Cells of 4, 8 and 16 angstrom and positions in sixteenths: what is written in fractions and what is written in angstrom
# are the same numbers, bit for bit.
python3 - "$work" <<'END'
import bz2, csv, gzip, json, lzma, os, random, sqlite3, struct, sys, tarfile, zipfile
folder = sys.argv[1]
symbols = {13: "Al", 28: "Ni", 29: "Cu", 46: "Pd", 47: "Ag", 78: "Pt"}
draw = random.Random(4)
rows = []
for i in range(60):
    n = draw.randint(1, 4)
    cell = [draw.choice([4, 8]) for _ in range(3)]
    frac = [[s / 8 + draw.randrange(2) / 16, draw.randrange(8) / 16, draw.randrange(8) / 16] for s in range(n)]
    rows.append((f"m{i}", draw.randrange(1 << 20) / 1024, cell, [draw.choice(list(symbols)) for _ in range(n)], frac))


def path(name):
    return os.path.join(folder, name)


def cif(cell, numbers, frac):
    sites = "".join(f"{symbols[z]}{k} {symbols[z]} {f[0]} {f[1]} {f[2]}\n" for k, (z, f) in enumerate(zip(numbers, frac)))
    return ("data_x\n_cell_length_a %d\n_cell_length_b %d\n_cell_length_c %d\n" % tuple(cell) +
            "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_atom_site_label\n"
            "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n" + sites)


def structure(cell, numbers, frac):
    return {"@module": "pymatgen.core.structure", "@class": "Structure", "charge": 0,
            "lattice": {"matrix": [[cell[0], 0.0, 0.0], [0.0, cell[1], 0.0], [0.0, 0.0, cell[2]]]},
            "sites": [{"species": [{"element": symbols[z], "occu": 1}], "abc": f} for z, f in zip(numbers, frac)]}


def cart(cell, frac):
    return [[x * a for x, a in zip(f, cell)] for f in frac]


os.mkdir(path("layout"))
with open(path("layout/id_prop.csv"), "w") as table, zipfile.ZipFile(path("layout.zip"), "w") as packed:
    for name, y, *crystal in rows:
        table.write(f"{name},{y}\n")
        with open(path(f"layout/{name}.cif"), "w") as file:
            file.write(cif(*crystal))
        packed.writestr(f"set/{name}.cif", cif(*crystal))
    table.flush()
    packed.write(path("layout/id_prop.csv"), "set/id_prop.csv")
os.mkdir(path("layout-packed"))  # each file in another way
with open(path("layout-packed/id_prop.csv"), "w") as table:
    for k, (name, y, *crystal) in enumerate(rows):
        table.write(f"{name},{y}\n")
        ending, pack = [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)][k % 4]
        with open(path(f"layout-packed/{name}.cif{ending}"), "wb") as file:
            file.write(pack(cif(*crystal).encode()))
with open(path("cifs.csv"), "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["", "material_id", "y", "cif"])
    table.writerows([[k, r[0], r[1], cif(*r[2:])] for k, r in enumerate(rows)])
with gzip.open(path("cifs-packed.csv.gz"), "wb") as file:
    file.write(open(path("cifs.csv"), "rb").read())
with gzip.open(path("split.json.gz"), "wt") as file:
    json.dump({"index": [r[0] for r in rows], "columns": ["structure", "y"],
               "data": [[structure(*r[2:]), r[1]] for r in rows]}, file)
with open(path("lines.jsonl"), "w") as file:
    for r in rows:
        file.write(json.dumps({"id": r[0], "y": r[1], "structure": structure(*r[2:])}) + "\n")
with tarfile.open(path("lines.tar.gz"), "w:gz") as packed:
    packed.add(path("lines.jsonl"), "inner/lines.jsonl")
with open(path("optimade.json"), "w") as file:
    json.dump({"data": [{"id": r[0], "type": "structures", "attributes": {
        "y": r[1], "lattice_vectors": [[r[2][0], 0, 0], [0, r[2][1], 0], [0, 0, r[2][2]]], "nsites": len(r[3]),
        "cartesian_site_positions": cart(r[2], r[4]), "species_at_sites": [symbols[z] for z in r[3]],
        "species": [{"name": s, "chemical_symbols": [s], "concentration": [1.0]} for s in symbols.values()]}}
        for r in rows], "links": {}}, file)
with open(path("frames.extxyz"), "w") as file:
    for name, y, cell, numbers, frac in rows:
        file.write(f'{len(numbers)}\nLattice="{cell[0]} 0 0 0 {cell[1]} 0 0 0 {cell[2]}" Properties=species:S:1:pos:R:3 '
                   f"id={name} y={y}\n")
        file.writelines(f"{symbols[z]} {x[0]} {x[1]} {x[2]}\n" for z, x in zip(numbers, cart(cell, frac)))
database = sqlite3.connect(path("ase.db"))
database.execute("CREATE TABLE systems (id INTEGER PRIMARY KEY, unique_id TEXT, numbers BLOB, positions BLOB, cell BLOB, "
                 "pbc INTEGER, key_value_pairs TEXT, data BLOB)")
for name, y, cell, numbers, frac in rows:
    flat = [v for x in cart(cell, frac) for v in x]
    database.execute("INSERT INTO systems (unique_id, numbers, positions, cell, pbc, key_value_pairs) VALUES (?,?,?,?,7,?)",
                     (name, struct.pack(f"<{len(numbers)}i", *numbers), struct.pack(f"<{len(flat)}d", *flat),
                      struct.pack("<9d", cell[0], 0, 0, 0, cell[1], 0, 0, 0, cell[2]), json.dumps({"y": y})))
database.commit()
database.close()
END

formats="layout layout-packed layout.zip cifs.csv cifs-packed.csv.gz split.json.gz lines.jsonl lines.tar.gz optimade.json frames.extxyz ase.db"
for from in $formats; do
    run 0 train "$work/$from" --epochs 2 --batch-size 16 --atom-features 16 --hidden 16 --threads 2 --out "$work/run-$from"
    for file in predictions-train.csv predictions-val.csv predictions-test.csv errors.csv; do
        cmp -s "$work/run-$from/$file" "$work/run-layout/$file" || fail "$file of $from differs from that of the folder"
    done
    cut -d, -f1-6 "$work/run-$from/metrics.csv" | head -1 | grep -q loss || fail "metrics.csv has no loss"
    run 0 predict "$work/run-layout" "$work/$from"
    [ "$from" = layout ] && cp "$work/out" "$work/want.csv"
    cmp -s "$work/out" "$work/want.csv" || fail "predictions of $from differ from those of the folder"
    run 0 prepare "$work/$from" --out "$work/$from.store"
    run 0 predict "$work/run-layout" "$work/$from.store"
    cmp -s "$work/out" "$work/want.csv" || fail "predictions of the store of $from differ from those of the folder"
done
run 0 evaluate "$work/run-layout" "$work/ase.db" --target y --out "$work/scored.csv"
same "$(wc -l <"$work/scored.csv")" 61 "rows of evaluate"
for file in lines.jsonl split.json.gz ase.db cifs.csv; do
    run 0 graph "$work/$file" --format json
    out_has '"id": "m0"'
done

# One bad row costs one line, whatever the format; the line says where.
sed -e '5s/"lattice"/"lettuce"/' -e '7s/.$//' "$work/lines.jsonl" >"$work/bad.jsonl"
run 0 train "$work/bad.jsonl" --epochs 1 --atom-features 4 --hidden 4 --out "$work/run-bad"
same "$(wc -l <"$work/run-bad/errors.csv")" 3 "lines of errors.csv"
grep -q '^5,m4,bad.jsonl,5,' "$work/run-bad/errors.csv" || fail "no error for row 5: $(cat "$work/run-bad/errors.csv")"
grep -q '^7,bad-7,bad.jsonl,7,' "$work/run-bad/errors.csv" || fail "no error for row 7: $(cat "$work/run-bad/errors.csv")"
run 0 predict "$work/run-layout" "$work/bad.jsonl"
same "$(wc -l <"$work/out")" 61 "rows of predict"
run 1 train "$work/bad.jsonl" --strict --epochs 1 --out "$work/none"
err_has "bad.jsonl:5:"

# Several numbers: the message lists them.
sed 's/"y":/"gap": 1, "y":/' "$work/lines.jsonl" >"$work/two.jsonl"
run 2 train "$work/two.jsonl" --epochs 1 --out "$work/none"
err_has "choose one of the keys as the target (--target NAME): gap, y"
run 2 train "$work/two.jsonl" --target z --epochs 1 --out "$work/none"
err_has "keys with numbers are: gap, y"
echo passed
