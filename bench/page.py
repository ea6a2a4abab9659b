"""The measured part of docs/performance.md, from what the parts of bench/compare.py found."""
import os
import statistics
import sys

from sides import AGREEMENT, ARCHITECTURES, BATCH, ROOT

PAGE = os.path.join(ROOT, "docs", "performance.md")

# Vector operations (of all F = 64 channels' filter and core: 4 pairs of AVX-512 vectors) of one edge and one step, counted in
# src/kernels/cpu: those that need a multiplier (multiply-add, multiply), divisions, and bytes of arrays larger than the
# caches that pass by, where 12 edges share an atom's. By pair of vectors:
#   z: 16 multiply-adds; norm: 2; exp2: 6 each; log1p: 11; softplus: 1; statistics: 2
#   backward: 8 products of the derivatives, 2 by ds, 2 for g z, 16 for g e^T
# By atom: the products with W_i and W_j, backward twice as many, and sums of v against 57 Gaussians, both ways.
ATOM = 4 * 64 * 4 / 12  # bytes of a row of P|Q an edge
KERNELS = {
    "edge_prepare (training)": (3, 0, 36 + 40 + 2 * 2 * 57 * 4 / 12),
    "conv_stats_fwd": (4 * (16 + 2) + 64 * 16 / 12, 0, 40 + ATOM + ATOM / 4),
    "edge_conv_fwd": (4 * (16 + 2 + 12 + 11 + 1), 4, 40 + ATOM + ATOM / 4),
    "conv_bwd": (
        4 * (16 + 2 + 12 + 11 + 1 + 8 + 2 + 2 + 16) + (2 * 64 * 16 + 2 * 57 * 4) / 12,
        4,
        40 + ATOM + ATOM / 4 + 2 * 2 * ATOM + 3 * ATOM + ATOM + 2 * 57 * 4 / 12,
    ),
    "conv_project_fwd": (64 * 16 / 12, 0, ATOM + ATOM / 4),
}
EDGES = 256 * 25 * 12  # of bench_kernels

# The table of what is asked for: name, against, part, what of it, which peer, at least, aim.
DEMANDS = [
    ("training step, SR-CGCNN T=3", "best PyTorch", "train sr", "best", 4, 10),
    ("training step, SR-CGCNN T=3", "plain PyTorch", "train sr", "plain", 15, 40),
    ("training step, CGCNN L=3", "plain PyTorch", "train cgcnn", "plain", 12, 30),
    ("inference, SR-CGCNN T=3", "best PyTorch", "predict sr", "best", 4, 10),
    ("inference, SR-CGCNN T=3", "plain PyTorch", "predict sr", "plain", 20, 60),
]


def median(values):
    return statistics.median(values)


def busy(where):
    return where["load"] > 0.1 * where["cores"]


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def task(key):
    what, arch = key.split()
    return ("training step, " if what == "train" else "inference, ") + ARCHITECTURES[arch]


def ratio_row(name, against, ours, theirs, least, aim):
    """Medians, their ratio, the ratios of the single rounds, and what was demanded."""
    value = median(theirs) / median(ours)
    rounds = [b / a for a, b in zip(ours, theirs)]
    verdict = "reached" if value >= aim else "at least reached" if value >= least else "missed"
    return [name, against, f"**{value:.1f}x**", f"{min(rounds):.1f} to {max(rounds):.1f}", f"{least}x", f"{aim}x", verdict]


def main_table(results):
    rows = []
    if "steps" in results:
        figures = results["steps"]["figures"]
        for name, against, key, peer, least, aim in DEMANDS:
            rows.append(ratio_row(name, against, figures[key]["ours"], figures[key][peer], least, aim))
    if "files" in results:
        inverse = {name: [1 / r for r in results["files"][name]] for name in ("ours", "theirs")}
        rows.append(
            ratio_row("CIF files to graphs, one core", "pymatgen, as the reference does it", inverse["ours"], inverse["theirs"], 200, 400)
        )
    if "cold" in results:
        cold = results["cold"]
        rows.append(
            ratio_row("one CIF, `recryst predict`, cold process", "importing torch alone", cold["ours"], cold["torch"], 50, 200)
        )
    return table(["", "against", "ratio", "single rounds", "at least", "aim", ""], rows)


def circumstances(results):
    """The machine, the versions, the data, and where parts differ in them."""
    first = next(iter(results.values()))["where"]
    d = first["data"]
    demo = "" if "alloys" not in d["data"] else " (**the bundled demo alloys: small crystals, not what the demands speak of**)"
    lines = [
        f"{first['machine']}, {first['threads']} threads used, kernels `{first['kernels']}`; {first['system']}.",
        f"{first['python']}.",
        "",
        f"Data: {d['data']}{demo}: {d['crystals']} crystals drawn with a fixed seed from {d['rows']:,}, "
        f"{d['atoms'] / d['crystals']:.1f} atoms on average;",
        f"{d['passed_over']} were passed over because an atom had other than 12 neighbors. The batch is the {BATCH} of them with the "
        "most typical number of",
        f"atoms ({d['batch_atoms']:,} atoms, {12 * d['batch_atoms']:,} edges); folded, {d['batch_kinds']:,} kinds of",
        f"equivalent atoms with {d['batch_kind_edges']:,} different edges.",
        "",
    ]
    groups = {}
    for part, found in results.items():
        w = found["where"]
        text = f"{w['date']}, recryst {w['commit']}, {w['rounds']} rounds"
        if w["quick"]:
            text += " (**a quick trial: these figures are not good**)"
        for name in ("machine", "threads", "kernels", "python"):
            if w[name] != first[name]:
                text += f", {name}: {w[name]}"
        groups.setdefault(text, []).append((part, w))
    for text, parts in groups.items():
        loads = ", ".join(
            f"{part} {w['load']:.2f}" + (" (**the machine was busy: these figures are not good**)" if busy(w) else "") for part, w in parts
        )
        lines.append(f"Measured {text}; cores that other programs kept busy before each part: {loads}.")
    return "\n".join(lines) + "\n"


def steps(found):
    rows = []
    for key, by_side in found["figures"].items():
        shown = [by_side.get(name) for name in ("ours", "whole", "best", "plain", "plain, huge pages")]
        rows.append([task(key)] + [f"{1e3 * median(v):.2f} ms, {BATCH / median(v):,.0f}/s" if v else "" for v in shown])
    speeds = table(["a batch of 256", "recryst", "every atom by itself", "best PyTorch", "plain PyTorch", "plain, with huge pages"], rows)
    tried = []
    for what, best in found["best"].items():
        name = "training" if what == "train" else "inference"
        for form, ms in sorted(best["forms"].items(), key=lambda item: item[1]):
            tried.append([name, f"`{form}`, huge pages", f"{ms:.1f}"])
        for place, ms in sorted(best["places"].items(), key=lambda item: item[1]):
            tried.append([name, f"the fastest of these, {place}", f"{ms:.1f}"])
    train, predict, agreement = found["best"]["train"], found["best"]["predict"], found["agreement"]
    return f"""{speeds}
Best PyTorch is `{train['form']}` ({train['place']}) in training and `{predict['form']}` ({predict['place']}) in inference, the fastest of what was tried:

{table(["SR-CGCNN", "form", "ms"], tried)}
Largest relative difference between recryst and PyTorch (Euclidean norm, plain and best, both architectures): output
{agreement['output']:.1e}, loss {agreement['loss']:.1e}, gradient of any one tensor {agreement['gradient']:.1e}, prediction {agreement['prediction']:.1e}; the run fails
above {AGREEMENT['output']:.0e}, for gradients {AGREEMENT['gradient']:.0e}.
"""


def files(found):
    d = found["where"]["data"]
    whole, reading = median(found["all"]), median(found["reading"])
    return f"""Files, one core: CIF to graph {whole:,.0f} files/s over {d['crystals']:,} files ({median(found['ours']):,.0f} over the {found['count']} that
pymatgen reads at {median(found['theirs']):.1f}); reading alone {reading:,.0f} files/s, graphs alone {1 / (1 / whole - 1 / reading):,.0f} crystals/s.
The whole dataset, {d['rows']:,} crystals, from the archive to graphs in memory on all cores: {d['read_seconds']:.2f} s.
"""


def cold(found):
    ours, nothing, torch = (1e3 * median(found[name]) for name in ("ours", "nothing", "torch"))
    return f"""A cold `recryst predict` of one CIF takes {ours:.1f} ms, of which starting any process takes {nothing:.1f} ms (`/bin/true`); `import torch` {torch:.0f} ms.
"""


def threads(found):
    counts = found["counts"]
    rows = []
    for key, by_count in found["times"].items():
        one = median(by_count["1"])
        rows.append([task(key)] + [f"{1e3 * median(by_count[str(n)]):.2f} ms, {one / median(by_count[str(n)]):.2f}x" for n in counts])
    return f"""### Threads

At least 3.4x is asked for on four threads, 1.8x on two cores.

{table(["a batch of 256"] + [f"{n} thread" + "s" * (n > 1) for n in counts], rows)}"""


def variants(found):
    counts = sorted({1, found["where"]["threads"]})
    header, rows = ["kernels"], []
    for n in counts:
        header += [f"training step, {n} thread" + "s" * (n > 1), f"inference, {n} thread" + "s" * (n > 1)]
    for name in found["names"]:
        row = [f"`{name}`"]
        for n in counts:
            for what in ("train", "predict"):
                seconds = found["times"][f"{name} {n} {what}"]
                row.append(f"{1e3 * seconds:.1f} ms, {BATCH / seconds:,.0f}/s")
        rows.append(row)
    return f"### Instruction sets\n\nSR-CGCNN, a batch of {BATCH}:\n\n{table(header, rows)}"


def bounds(found):
    times, limits, kernels = found["kernel_times"], found["limits"], found["where"]["kernels"]
    width, fma, div = limits[kernels]
    rows = []
    for name, (multiplies, divisions, size) in KERNELS.items():
        if name not in times:
            sys.exit(f"bench: bench_kernels has no line for {name}")
        vectors = 16 / width
        arithmetic = vectors * (multiplies / fma + divisions / div)
        memory = size / limits["memory"][0]
        measured = 1e3 * times[name][kernels] / EDGES
        bound, kind = max((arithmetic, "arithmetic"), (memory, "bytes"))
        rows.append([f"`{name}`", f"{measured:.1f}", f"{arithmetic:.1f}", f"{memory:.1f}", kind, f"{100 * bound / measured:.0f} %"])
    names = list(next(iter(times.values())))
    every = table(["microseconds"] + names, [[f"`{name}`"] + [f"{row[k]:,}" for k in names] for name, row in times.items()])
    return f"""### Kernels and their bounds

One core, {EDGES:,} edges. This core does {fma:.1f} multiply-adds a ns on vectors of {width:.0f} floats
({2 * width * fma:.0f} GFLOP/s), {div:.2f} divisions; its memory moves {limits['memory'][0]:.0f} GB/s for one core, {limits['memory'][1]:.0f} GB/s for {found['where']['threads']}.
The arithmetic bound counts what needs a multiplier (multiply-adds, products, divisions) and nothing else; the bytes bound takes every
array as coming from memory, although most of it stays in the caches.

{table(["kernel, ns an edge", "measured", "arithmetic bound", "bytes bound", "the larger", "share reached"], rows)}
{every}"""


def write(results):
    """The text between the marks; parts that were not run yet are named."""
    if not results:
        return "\nNot run yet: `make bench` writes this part.\n"
    order = {"steps": steps, "files": files, "cold": cold, "threads": threads, "variants": variants, "bounds": bounds}
    results = {part: results[part] for part in order if part in results}
    missing = [part for part in order if part not in results]
    text = "\n" + circumstances(results) + "\n" + main_table(results)
    for part, found in results.items():
        text += "\n" + order[part](found)
    if missing:
        text += f"\nNot run yet: {', '.join(missing)} (`make bench BENCH_OPTIONS='--parts {','.join(missing)}'`).\n"
    return text


def put(text):
    begin, end = "<!-- bench: begin -->", "<!-- bench: end -->"
    with open(PAGE, encoding="utf-8") as file:
        head, _, rest = file.read().partition(begin)
    _, marker, tail = rest.partition(end)
    if not marker:
        sys.exit(f"bench: {PAGE} has lost its marks")
    with open(PAGE + ".new", "w", encoding="utf-8") as file:
        file.write(f"{head}{begin}\n{text}\n{end}{tail}")
    os.replace(PAGE + ".new", PAGE)
