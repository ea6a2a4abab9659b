#!/usr/bin/env bash
# recryst embed.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
small_model
examples=$data/examples

run 2 embed
err_has "no model given"
run 2 embed "$work/run"
err_has "nothing to embed"
run 2 embed "$work/run" "$examples" --format npy
err_has "standard output takes CSV"

# CSV: a row for each crystal; the same in company, alone, and on any number of threads.
run 0 embed "$work/run" "$examples"
cp "$work/out" "$work/crystals.csv"
same "$(head -1 "$work/out")" "id,v0,v1,v2,v3,v4,v5,v6,v7,v8,v9,v10,v11,v12,v13,v14,v15" header
same "$(wc -l <"$work/out")" 6 rows
for threads in 1 3; do
    run 0 embed "$work/run" "$examples" --threads $threads --out "$work/again.csv"
    cmp -s "$work/again.csv" "$work/crystals.csv" || fail "threads or --out change vectors"
done
run 0 embed "$work/run" "$examples/Pt4-dhcp.cif"
same "$(tail -1 "$work/out")" "$(grep Pt4 "$work/crystals.csv")" "a crystal alone"

# Atoms and steps: the last step is the atom's vector, and their mean the crystal's.
run 0 embed "$work/run" "$examples/NiPt2-fcc111.cif" --what atoms
cp "$work/out" "$work/atoms.csv"
same "$(cut -d, -f1-3 "$work/out" | sed -n 2p)" "NiPt2-fcc111,0,$(sed -n 2p "$work/out" | cut -d, -f3)" "columns of atoms"
run 0 embed "$work/run" "$examples/NiPt2-fcc111.cif" --what steps
same "$(awk -F, -v OFS=, '$4 == 3 { $4 = "-"; print }' "$work/out" | sed 's/,-,/,/')" "$(tail -n +2 "$work/atoms.csv")" "last step"
awk -F, 'NR > 1 { for (k = 4; k <= NF; k++) sum[k] += $k; n++ } END { for (k = 4; k <= NF; k++) printf "%.5f ", sum[k] / n }' \
    "$work/atoms.csv" >"$work/mean"
grep NiPt2 "$work/crystals.csv" | awk -F, '{ for (k = 2; k <= NF; k++) printf "%.5f ", $k }' >"$work/pooled"
tr ' ' '\n' <"$work/mean" | paste - <(tr ' ' '\n' <"$work/pooled") | awk '($1 - $2) ^ 2 > 4e-10 { exit 1 }' ||
    fail "the mean over atoms is not the crystal's vector"

# What can't be used is told, and has no row.
printf 'nothing\n' >"$work/bad.cif"
run 0 embed "$work/run" "$work/bad.cif" "$examples/Pt4-dhcp.cif" --errors "$work/errors.csv" --out "$work/v.npy"
err_has "1 input could not be used"
same "$(cat "$work/v.ids.csv" | tr '\n' ' ')" "id Pt4-dhcp " "ids beside npy"
grep -q '^bad,.*bad.cif,' "$work/errors.csv" || fail "errors.csv lacks bad.cif"
run 1 embed "$work/run" "$work/bad.cif" --out "$work/none.npy"
err_has "nothing could be embedded"
[ ! -e "$work/none.npy" ] || fail "a file of nothing"
run 1 embed "$work/run" "$examples" "$work/bad.cif" --strict --out "$work/none.csv"
[ ! -e "$work/none.csv" ] || fail "--strict leaves a file"

# npy and safetensors hold the same numbers (read with Python's standard library).
command -v python3 >/dev/null || { echo "SKIPPED in part: no python3"; exit 0; }
for what in crystal atoms steps; do
    for format in csv npy safetensors; do run 0 embed "$work/run" "$examples" --what $what --out "$work/x.$format"; done
    python3 - "$work/x" $what <<'EOF' || fail "formats of $what differ"
import ast, csv, json, struct, sys
path, what = sys.argv[1:]
with open(path + ".csv") as file:
    rows = list(csv.reader(file))[1:]
skip = {"crystal": 1, "atoms": 3, "steps": 4}[what]
want = [struct.unpack("<f", struct.pack("<f", float(v)))[0] for row in rows for v in row[skip:]]
npy = open(path + ".npy", "rb").read()
length = struct.unpack("<H", npy[8:10])[0]
head = ast.literal_eval(npy[10:10 + length].decode())
assert npy[:8] == b"\x93NUMPY\x01\x00" and (10 + length) % 64 == 0 and head["descr"] == "<f4", head
n_rows = len(rows) // 3 if what == "steps" else len(rows)
assert head["shape"] == ((n_rows, 3, 16) if what == "steps" else (n_rows, 16)), head
assert list(struct.unpack(f"<{len(want)}f", npy[10 + length:])) == want
assert [r[:2] for r in csv.reader(open(path + ".ids.csv"))][1:] == [r[:2] if what != "crystal" else r[:1] for r in rows[::3 if what == "steps" else 1]]
st = open(path + ".safetensors", "rb").read()
length = struct.unpack("<Q", st[:8])[0]
head = json.loads(st[8:8 + length])
begin, end = head["vectors"]["data_offsets"]
assert list(struct.unpack(f"<{len(want)}f", st[8 + length + begin:8 + length + end])) == want
assert tuple(head["vectors"]["shape"]) == ((n_rows, 3, 16) if what == "steps" else (n_rows, 16))
ids, (begin, end) = json.loads(head["__metadata__"]["ids"]), head["row_offset"]["data_offsets"]
offset = struct.unpack(f"<{len(ids) + 1}q", st[8 + length + begin:8 + length + end])
every = 3 if what == "steps" else 1
assert [r[0] for r in rows[::every]] == [i for c, i in enumerate(ids) for _ in range(offset[c + 1] - offset[c])]
EOF
done
