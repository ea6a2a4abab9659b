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
        number = re.match(r"-?[\d.]+", value).group()
        if label not in printed:
            wrong.append(f"{name}: the card has no '{label}'")
            continue
        there = re.match(r"-?[\d.]+", printed[label]).group()
        last = 10.0 ** -(len(there.split(".")[1]) if "." in there else 0)
        if abs(float(number) - float(there)) > 2.001 * last:
            wrong.append(f"{name}: {label} is {value}, and {printed[label]} on the card")
    return wrong


def sections(text):
    """The tables of a card, by target ('' for a single one)."""
    out, where = {}, ""
    for line in text.splitlines():
        if line.startswith("### "):
            where = line[4:]
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
    with open(os.path.join(HERE, name + ".test.txt")) as f:
        held_out = set(f.read().split("\n")) - {""}
    with open(os.path.join(HERE, name + ".md")) as f:
        tables = sections(f.read())
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "all.csv")
        subprocess.run([recryst, "evaluate", os.path.join(HERE, name + ".safetensors"), store, "--out", path, "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        rows = [r for r in card.rows_of(path) if r["id"] in held_out]
    if len(rows) != len(held_out):
        return [f"{name}: {len(held_out)} rows were held out, {len(rows)} of them are in the data"]
    wrong = []
    for target, printed in tables.items():
        pairs = card.columns(rows, target, target != "")
        if "area under the ROC curve" in printed:
            found = card.figures_classes(pairs, [])
        else:
            end = "_" + target if target else ""
            low = [(float(r["target" + end]), float(r["lower" + end]), float(r["upper" + end])) for r in rows]
            held = sum(a <= y <= b for y, a, b in low) / len(low)
            width = sum(b - a for _, a, b in low) / len(low)
            transform = "log" if "MAE of the logarithm to base 10" in printed else "none"
            found = card.figures_regression(target, "", transform, pairs, {"0.9": (held, width)}, [])
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
