#!/usr/bin/env python3
"""Makes a shipped model and its card from a finished run: models/NAME.safetensors, NAME.md, NAME.test.txt.

usage: models/card.py NAME RUN      environment: RECRYST, the command (build/recryst); called by models/train.sh
Every figure is taken from the files of the run.  Python's standard library is enough."""

import csv
import datetime
import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
MP = ("Data: the Materials Project (materialsproject.org), licensed [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/). "
      "Please cite A. Jain et al., *APL Materials* 1, 011002 (2013), [doi:10.1063/1.4812323](https://doi.org/10.1063/1.4812323).")
ELASTIC = (" Elastic moduli: M. de Jong et al., *Scientific Data* 2, 150009 (2015), "
           "[doi:10.1038/sdata.2015.9](https://doi.org/10.1038/sdata.2015.9).")
RULE = (" Of the archive's 2,865 rows 228 have no moduli, and 50 have moduli that can't be (from -4.7e11 to 5.6e13 GPa, of failed "
        "fits): kept are rows with bulk and shear modulus within 1 and 600 GPa, Poisson's ratio within -0.5 and 0.5, and within 0.001 "
        "of (3K - 2G) / (2 (3K + G)) (`models/data.py`).")
ABOUT = {
    "formation-energy": ("Formation energy", "The energy of formation from the elements, for each atom, by density-functional theory "
                         "(the Materials Project's PBE and PBE+U with its corrections, as of 2018).",
                         "mp-formation-energy.tar.zst, 32,964 inorganic crystals. " + MP),
    "band-gap": ("Band gap", "The Kohn-Sham band gap of density-functional theory (PBE), which is smaller than the measured one by 30 to "
                 "50 % as a rule. Two thirds of the training crystals are metals, with a gap of 0; a value below 0 means a metal, too.",
                 "mp-elastic.tar.zst, 2,865 inorganic crystals. " + MP),
    "metal": ("Metal or not", "The probability that the crystal has no band gap in density-functional theory (PBE).",
              "mp-elastic.tar.zst, 2,865 inorganic crystals. " + MP),
    "bulk-modulus": ("Bulk modulus", "The average of Voigt, Reuss and Hill, by density-functional theory (PBE), learnt as a logarithm.",
                     "mp-elastic.tar.zst, inorganic crystals. " + MP + ELASTIC + RULE),
    "shear-modulus": ("Shear modulus", "The average of Voigt, Reuss and Hill, by density-functional theory (PBE), learnt as a logarithm.",
                      "mp-elastic.tar.zst, inorganic crystals. " + MP + ELASTIC + RULE),
    "poisson-ratio": ("Poisson's ratio", "Of a homogeneous, isotropic polycrystal, from averages of Voigt, Reuss and Hill of moduli by "
                      "density-functional theory (PBE).",
                      "mp-elastic.tar.zst, inorganic crystals. " + MP + ELASTIC + RULE),
    "phonon-frequency": ("Highest phonon frequency", "The frequency of the last peak of the phonon density of states, an estimate of that of "
                         "the highest optical phonons, by density-functional perturbation theory (PBEsol). Crystals with a band gap, nearly all.",
                         "matbench_phonons.json.gz, 1,265 crystals (Matbench v0.1: A. Dunn et al., *npj Computational Materials* 6, 138 (2020), "
                         "[doi:10.1038/s41524-020-00406-3](https://doi.org/10.1038/s41524-020-00406-3), whose software is under the MIT "
                         "licence). The calculations are those of G. Petretto et al., *Scientific Data* 5, 180065 (2018), "
                         "[doi:10.1038/sdata.2018.65](https://doi.org/10.1038/sdata.2018.65), published under "
                         "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/) and part of the Materials Project, whose data are "
                         "under CC BY 4.0, too."),
}
SYMBOLS = """H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd
Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu
Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og""".split()


def rows_of(path):
    with open(path, newline="") as table:
        return list(csv.DictReader(table))


def columns(rows, name, several):
    """Targets and predictions of one target, of the rows that have it."""
    t, p = ("target_" + name, "prediction_" + name) if several else ("target", "prediction")
    return [(float(r[t]), float(r[p])) for r in rows if r[t] != ""]


def scores(pairs):
    n = len(pairs)
    mean = sum(y for y, _ in pairs) / n
    square = sum((y - p) ** 2 for y, p in pairs)
    return {"MAE": sum(abs(y - p) for y, p in pairs) / n, "RMSE": math.sqrt(square / n),
            "R2": 1 - square / sum((y - mean) ** 2 for y, _ in pairs), "MAD": sum(abs(y - mean) for y, _ in pairs) / n}


def log_mae(pairs):
    return sum(abs(math.log10(y / p)) for y, p in pairs) / len(pairs)


def auc(pairs):
    """The share of pairs of a 1 and a 0 in which the 1 has the higher probability; ties count half."""
    ordered = sorted(p for _, p in pairs)
    first, last = {}, {}
    for i, p in enumerate(ordered):
        first.setdefault(p, i)
        last[p] = i
    ones = [p for y, p in pairs if y == 1]
    n1, n0 = len(ones), len(pairs) - len(ones)
    ranks = sum((first[p] + last[p]) / 2 + 1 for p in ones)
    return (ranks - n1 * (n1 + 1) / 2) / (n1 * n0)


def accuracy(pairs):
    return sum((p >= 0.5) == (y == 1) for y, p in pairs) / len(pairs)


def digits(value, n=3):
    """A number with n digits that count, never as 1e-05."""
    return f"{value:.{max(0, n - 1 - math.floor(math.log10(abs(value))))}f}" if value else "0"


def trained_elements(model):
    with open(model, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        start = f.tell()
        begin, end = header["domain.element"]["data_offsets"]
        f.seek(start + begin)
        flags = f.read(end - begin)
    return [SYMBOLS[z - 1] for z in range(1, 119) if flags[z]]


def levels_of(path, part):
    """How often intervals of each level hold on a part, and their mean length, by target."""
    levels = {}
    for r in rows_of(path):
        if r["part"] == part:
            levels.setdefault(r["target"], {})[r["promised"]] = (r["observed"], r["width"])
    return levels


def figures_regression(name, unit, transform, pairs, level, alone):
    """Lines of the card's table; check.py makes them again."""
    s = scores(pairs)
    unit = " " + unit if unit not in ("", "1") else ""
    lines = [("MAE", digits(s["MAE"]) + unit), ("RMSE", digits(s["RMSE"]) + unit), ("R2", f"{s['R2']:.4f}"),
             ("mean absolute deviation of the target", digits(s["MAD"]) + unit)]
    if transform == "log":
        lines.insert(2, ("MAE of the logarithm to base 10", digits(log_mae(pairs))))
    for promised in ("0.5", "0.8", "0.9", "0.95"):
        if promised in level:
            lines.append((f"within the {float(promised) * 100:.0f} % interval", f"{float(level[promised][0]) * 100:.1f} %"))
    lines.append(("mean length of the 90 % interval", digits(float(level["0.9"][1])) + unit))
    if alone:
        lines.append(("MAE of its networks alone", ", ".join(digits(a) for a in alone) + unit))
    return lines


def figures_classes(pairs, alone):
    share = sum(y for y, _ in pairs) / len(pairs)
    lines = [("area under the ROC curve", f"{auc(pairs):.4f}"), ("accuracy", f"{accuracy(pairs) * 100:.1f} %"),
             ("accuracy of always guessing the commoner class", f"{max(share, 1 - share) * 100:.1f} %"),
             ("mean squared error of the probability (Brier)", digits(sum((y - p) ** 2 for y, p in pairs) / len(pairs)))]
    if alone:
        lines.append(("AUC of its networks alone", ", ".join(f"{a:.4f}" for a in alone)))
    return lines


def table(lines):
    return "| | |\n|---|---|\n" + "".join(f"| {a} | {b} |\n" for a, b in lines)


def coverage_note(levels, n_val, n_test):
    """What is to be said of the coverage at 90 %."""
    off = {name: (float(level["0.9"][0]) - 0.9) * 100 for name, level in levels.items()}
    chance = 100 * math.sqrt(0.09 / n_val + 0.09 / n_test)
    far = [f"{name + ': ' if len(off) > 1 else ''}{abs(d):.1f} points too {'few' if d < 0 else 'many'}" for name, d in off.items() if round(abs(d), 1) > 2]
    text = "Intervals are conformal, calibrated on the validation rows ([docs/trust.md](../docs/trust.md)). "
    if far:
        text += "At 90 % they are further off than 2 points (" + "; ".join(far) + "). "
    else:
        text += "At 90 % they hold to within 2 points. "
    return text + f"Chance alone moves this share by {chance:.1f} points (one standard deviation) with so few rows.\n"


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ABOUT:
        sys.exit(__doc__)
    name, run = sys.argv[1:]
    recryst = os.environ.get("RECRYST", "build/recryst")
    title, what, source = ABOUT[name]
    with open(os.path.join(run, "config.toml"), "rb") as f:
        config = tomllib.load(f)
    facts, data = config["facts"], config["data"]
    targets = facts["target_used"].split(",")
    units = (data.get("unit", "").split(",") + [""] * len(targets))[: len(targets)]
    transforms = data.get("transform", "none").split(",")
    transforms = transforms * len(targets) if len(transforms) == 1 else transforms
    classes = config["model"]["task"] == "classification"
    part = {p: rows_of(os.path.join(run, f"predictions-{p}.csv")) for p in ("train", "val", "test")}
    members = []
    for k in range(1, config["training"]["ensemble"] + 1):
        with open(os.path.join(run, f"member-{k}", "run_summary.json")) as f:
            members.append(json.load(f))
    date = datetime.datetime.fromtimestamp(os.path.getmtime(os.path.join(run, "model.safetensors")), datetime.timezone.utc).date().isoformat()

    out = os.path.join(HERE, name)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as meta:
        json.dump({"title": title, "date": date, "licence": "CC BY 4.0", "card": name + ".md",
                   "attribution": "Petretto et al. 2018; Matbench v0.1; Materials Project" if name == "phonon-frequency" else "Materials Project"}, meta)
        meta.flush()
        if os.path.exists(out + ".safetensors"):
            os.remove(out + ".safetensors")
        subprocess.run([recryst, "ensemble", run, out + ".safetensors", "--meta", meta.name, "--quiet"], check=True)
    with open(out + ".test.txt", "w") as f:
        f.writelines(r["id"] + "\n" for r in part["test"])

    card = [f"# {title}\n", f"    recryst predict {name} FILE_OR_FOLDER...\n", what + "\n"]
    card.append(f"An ensemble of {len(members)} SR-CGCNNs of {config['model']['steps']} steps, {members[0]['total_parameters']:,} parameters each. "
                f"Made by `models/train.sh {name}` ([recipe]({name}.toml)) with {facts['program']}, {date}.\n")
    card.append("## Held-out rows\n")
    card.append(f"{len(part['train']):,} rows for training, {len(part['val']):,} for choosing the best epoch"
                f"{'' if classes else ' and for the intervals'}, {len(part['test']):,} held out: at random, `split-seed` "
                f"{config['split'].get('split_seed', config['training']['seed'])}; their ids are in [{name}.test.txt]({name}.test.txt). "
                f"All figures are of the held-out rows; `models/check.py {name}` finds them again.\n")
    levels = {}
    if not classes:
        levels = levels_of(os.path.join(run, "calibration.csv"), "test")
    for i, target in enumerate(targets):
        pairs = columns(part["test"], target, len(targets) > 1)
        key = "test_auc" if classes else "test_mae" if len(targets) == 1 else "test_mae_" + target
        alone = [m[key] for m in members] if len(members) > 1 else []
        if len(targets) > 1:
            card.append(f"### {target}\n")
        lines = figures_classes(pairs, alone) if classes else figures_regression(target, units[i], transforms[i], pairs, levels[target], alone)
        card.append(table(lines))
    if classes:
        card.append("A probability has no interval: it is the doubt itself.\n")
    else:
        card.append(coverage_note(levels, len(part["val"]), len(part["test"])))
    card.append("## Range of use\n")
    elements = trained_elements(out + ".safetensors")
    card.append(f"Ordered, three-dimensional inorganic crystals like those of the training rows, which hold {len(elements)} elements: {', '.join(elements)}.\n")
    spans = []
    for i, target in enumerate(targets):
        values = [y for y, _ in columns(part["train"], target, len(targets) > 1)]
        unit = " " + units[i] if units[i] not in ("", "1") else ""
        if classes:
            spans.append(f"{sum(values) / len(values) * 100:.0f} % of the training rows are of class 1")
        else:
            spans.append(f"`{target}` of the training rows is from {digits(min(values))} to {digits(max(values))}{unit}")
    card.append("; ".join(spans) + ". `predict` says `element:Xx` where a crystal holds another element, and `far` where it lies far from "
                "the training rows.\n")
    card.append("Crystals are held to be at rest as given: the network knows neither temperature nor pressure, charge, magnetic order nor spin-orbit "
                "coupling but through the structure, and a structure that is not relaxed has the value of that structure.\n")
    card.append("## Data and licence\n")
    card.append(source + f" The weights were made from these data and are given under CC BY 4.0, too.\n")
    with open(out + ".md", "w") as f:
        f.write("\n".join(card))
    print(f"models/{name}.safetensors ({os.path.getsize(out + '.safetensors') // 1000} kB), models/{name}.md, models/{name}.test.txt")


if __name__ == "__main__":
    main()
