#!/usr/bin/env python3
"""Finds the figures of the cards again: predicts the held-out rows with the shipped models and compares with the tables of the cards.

usage: models/check.py [NAME...]      environment: RECRYST, DATA, RUNS as for models/train.sh, which makes the data
Ends with 1 when a figure differs by more than 2 in its last digit.  Python's standard library is enough."""

import glob
import os
import re
import statistics
import subprocess
import sys
import tempfile

import card

HERE = card.HERE


def compare(name, printed, found):
    """Messages for figures that differ; a figure may be out by 2 in its last digit, for other processors round otherwise."""
    wrong = []
    for label, value in found:
        if label not in printed:
            wrong.append(f"{name}: the card has no '{label}'")
            continue
        # numbers alone: a unit such as 1/cm has digits of its own
        numbers, there = (re.match(r"(-?[\d.]+(, )?)+", text).group().split(", ") for text in (value, printed[label]))
        if len(numbers) != len(there) or not all(near(a, b) for a, b in zip(numbers, there)):
            wrong.append(f"{name}: {label} is {value}, and {printed[label]} on the card")
    labels = {label for label, _ in found}
    return wrong + [f"{name}: '{label}' of the card was not found again" for label in printed if label not in labels]


def near(number, there):
    last = 10.0 ** -(len(there.split(".")[1]) if "." in there else 0)
    return abs(float(number) - float(there)) <= 2.001 * last


def sections(text):
    """The tables of a card, by target ('' for a single one)."""
    out, where = {}, ""
    for line in text.splitlines():
        if line.startswith("### "):
            where = line[4:]
        if line.startswith("## Range"):
            break
        cell = re.match(r"\| (.+?) \| (.+?) \|$", line)
        if cell:
            out.setdefault(where, {})[cell.group(1)] = cell.group(2)
    return out


def large_errors(rows, target, several):
    """What few rows do to the mean: the median of the errors, and the largest of them by name."""
    end = "_" + target if several else ""
    errors = sorted(((abs(float(r["target" + end]) - float(r["prediction" + end])), r["id"], r["target" + end]) for r in rows if r["target" + end] != ""),
                    reverse=True)
    largest = ", ".join(f"{card.digits(e)} ({row}, target {card.digits(float(y))})" for e, row, y in errors[:3])
    hundredth = errors[len(errors) // 100][0]
    return f"half of the errors are below {card.digits(statistics.median(e for e, _, _ in errors))}, 99 % below {card.digits(hundredth)}; the largest: {largest}"


def check(name, recryst):
    store = subprocess.run(["bash", os.path.join(HERE, "train.sh"), "--data", name], check=True, capture_output=True, text=True).stdout.strip()
    if not os.path.isabs(store):
        store = os.path.join(os.path.dirname(HERE), store)
    ids = os.path.join(HERE, name + ".test.txt")
    with open(ids) as f:
        held_out = set(f.read().split("\n")) - {""}
    with open(os.path.join(HERE, name + ".md")) as f:
        tables = sections(f.read())
    if not tables:
        return [f"{name}: the card has no table"]
    model = os.path.join(HERE, name + ".safetensors")
    with tempfile.TemporaryDirectory() as folder:
        path, one, levels = (os.path.join(folder, f) for f in ("rows.csv", "one.safetensors", "levels.csv"))

        def rows_by(model, *options):
            subprocess.run([recryst, "evaluate", model, store, "--ids", ids, "--out", path, "--quiet", *options], check=True, stdout=subprocess.DEVNULL)
            return card.rows_of(path)

        classes = any("area under the ROC curve" in printed for printed in tables.values())
        rows = rows_by(model) if classes else rows_by(model, "--calibration", levels)
        if len(rows) != len(held_out):
            return [f"{name}: {len(held_out)} rows were held out, {len(rows)} of them are in the data"]
        level = {} if classes else card.levels_of(levels, "data")
        alone = []
        counts = [len(p[key].split(", ")) for p in tables.values() for key in p if key.endswith("of its networks alone")]
        for member in range(1, max(counts, default=0) + 1):
            subprocess.run([recryst, "ensemble", model, one, "--member", str(member), "--quiet"], check=True)
            alone.append(rows_by(one))
            os.remove(one)
    wrong = []
    for target, printed in tables.items():
        pairs = card.columns(rows, target, target != "")
        if "area under the ROC curve" in printed:
            found = card.figures_classes(pairs, [card.auc(card.columns(m, target, target != "")) for m in alone])
        else:
            errors = [card.scores(card.columns(m, target, target != ""))["MAE"] for m in alone]
            transform = "log" if "MAE of the logarithm to base 10" in printed else "none"
            found = card.figures_regression(target, "", transform, pairs, level[target] if target else next(iter(level.values())), errors)
        wrong += compare(name + (" " + target if target else ""), printed, found)
        print(f"{name} {target}: " + ", ".join(f"{a} {b}" for a, b in found))
        if "area under the ROC curve" not in printed:
            print("    " + large_errors(rows, target, target != ""))
    return wrong


def main():
    recryst = os.path.abspath(os.environ.get("RECRYST", "build/recryst"))
    names = sys.argv[1:] or sorted(os.path.basename(p)[:-12] for p in glob.glob(os.path.join(HERE, "*.safetensors")))
    wrong = [w for name in names for w in check(name, recryst)]
    for w in wrong:
        print("WRONG " + w, file=sys.stderr)
    sys.exit(1 if wrong or not names else 0)


if __name__ == "__main__":
    main()
