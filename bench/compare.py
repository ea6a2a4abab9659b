"""recryst against PyTorch and pymatgen, in turn on one machine: what `make bench` runs.

Writes its tables into docs/performance.md, between the markers there. Sides take turns (A B A B), each figure is the median
of at least five rounds after warm-up, graphs are in memory, both sides get the same batch in single precision on the same
number of threads, and both must give the same outputs and gradients, or the run fails.
"""
import argparse
import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import torch_models

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs", "performance.md")
ARCHITECTURES = {"sr": "SR-CGCNN T=3", "cgcnn": "CGCNN L=3"}
CRYSTALS, BATCH = 2000, 256
# Largest difference allowed between the sides, relative, in the Euclidean norm of a whole tensor. Rounding to float32 (6e-8)
# grows to 1e-6 through three convolutions; gradients of norms are sums of 80,000 terms that nearly cancel, which leaves 1e-4.
# A term that is wrong or left out shows at 1e-2 and above.
AGREEMENT = {"output": 2e-5, "loss": 2e-5, "prediction": 2e-5, "gradient": 5e-4}

# Environments for PyTorch. Its allocator returns large tensors to the system after every use; huge pages and a malloc that
# keeps memory save it the page faults. The last two change how long OpenMP's threads wait actively.
KEEP = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184", "MALLOC_TOP_PAD_": "67108864"}
HUGE = {"THP_MEM_ALLOC_ENABLE": "1"}
ENVIRONMENTS = {
    "as it comes": {},
    "huge pages": HUGE,
    "memory kept": KEEP,
    "huge pages, memory kept": HUGE | KEEP,
    "huge pages, passive waiting": HUGE | {"OMP_WAIT_POLICY": "passive"},
    "huge pages, long active waiting": HUGE | {"GOMP_SPINCOUNT": "3000000"},
}


def say(text):
    print(text, file=sys.stderr, flush=True)


class Side:
    """A process that answers a line of numbers to a line of command."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | (environment or {})
        )
        self.greeting = self.line()

    def line(self):
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"bench: {self.process.args[0]} ended early")
        return answer.strip()

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.line()

    def times(self, command):
        answer = [float(word) for word in self.ask(command).split()]
        time.sleep(0.05)  # let threads that wait actively go to sleep before the other side's turn
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    def __init__(self, options):
        self.options, self.threads = options, options.threads
        self.folder = tempfile.mkdtemp(prefix="recryst-bench-")
        self.ours = Side([self.program("bench_step"), options.data, self.folder, str(CRYSTALS), str(BATCH)])
        self.data = json.loads(self.ours.greeting)
        self.peers = {}
        self.kernels = self.ours.ask(f"use {self.threads} best")

    def program(self, name):
        return os.path.join(self.options.build, name)

    def peer(self, environment):
        if environment not in self.peers:
            settings = {"OMP_NUM_THREADS": str(self.threads)} | ENVIRONMENTS[environment]
            script = os.path.join(ROOT, "bench", "torch_peer.py")
            self.peers[environment] = Side([sys.executable, script, self.folder, str(self.threads)], settings)
        return self.peers[environment]

    def quiet(self, environment=None):
        """End peers other than this, so that only the sides being compared hold memory and threads."""
        for name in [name for name in self.peers if name != environment]:
            self.peers.pop(name).close()

    def close(self):
        self.quiet()
        self.ours.close()
        shutil.rmtree(self.folder)

    # ---- the same numbers

    def check(self, forms):
        """Differences between the sides, the largest over forms and architectures."""
        largest = {}
        for arch in ARCHITECTURES:
            self.ours.ask(f"check {arch}")
            for form in forms:
                found = json.loads(self.peer("huge pages").ask(f"check {form} {arch}"))
                say(f"  {form} {arch}: {found}")
                for what, bound in AGREEMENT.items():
                    if not found[what] <= bound:
                        sys.exit(f"bench: {form} {arch}: {what} differs from recryst's by {found[what]:.1e} ({found})")
                    largest[what] = max(largest.get(what, 0), found[what])
        return largest

    # ---- the fastest PyTorch

    def fastest(self, what):
        """The fastest form, then the fastest environment for it, and what each took (ms)."""
        taken = {}
        forms = torch_models.Best.FORMS + [f.replace("best", "eager") for f in torch_models.Best.FORMS[::4]]
        if what == "predict":  # the gather's gradient plays no part
            forms = [form for form in forms if ":bag:" not in form]
        if self.options.quick:
            forms = ["best:halves:index:dnn", "best:halves:bag:dnn"][: 1 + (what == "train")]
        for form in forms:
            times = self.peer("huge pages").times(f"{what} {form} sr 8")
            taken[form] = 1e3 * statistics.median(times[3:])
            say(f"  {what} {form}: {taken[form]:.1f} ms")
        form = min(taken, key=taken.get)
        places = {"huge pages": taken[form]}
        for environment in [] if self.options.quick else ENVIRONMENTS:
            self.quiet(environment)
            times = self.peer(environment).times(f"{what} {form} sr 13")
            places[environment] = 1e3 * statistics.median(times[3:])
            say(f"  {what} {form}, {environment}: {places[environment]:.1f} ms")
        return form, min(places, key=places.get), taken, places

    # ---- figures

    def turns(self, sides, rounds):
        """sides: name -> (Side, command with {} for steps, steps). Seconds of a step, each round's median, by name."""
        for side, command, steps in sides.values():
            side.times(command.format(max(2, steps)))
        result = {name: [] for name in sides}
        for _ in range(rounds):
            for name, (side, command, steps) in sides.items():
                result[name].append(statistics.median(side.times(command.format(steps))))
        return result

    def against_torch(self, best):
        """Rows of the main table that PyTorch is in."""
        figures = {}
        for what in ("train", "predict"):
            form, environment = best[what]
            for arch in ARCHITECTURES:
                self.quiet(environment)
                sides = {
                    "ours": (self.ours, f"{what} {arch} {{}}", 10),
                    "best": (self.peer(environment), f"{what} {form} {arch} {{}}", 5),
                    "plain": (self.peer("as it comes"), f"{what} plain {arch} {{}}", 2),
                    "plain, huge pages": (self.peer("huge pages"), f"{what} plain {arch} {{}}", 2),
                }
                figures[what, arch] = self.turns(sides, self.options.rounds)
                say(f"  {what} {arch}: " + ", ".join(f"{k} {1e3 * statistics.median(v):.2f} ms" for k, v in figures[what, arch].items()))
        return figures

    def files(self):
        """CIF files to graphs on one core: pymatgen on 200 of them, recryst on the same and on all."""
        everything = os.path.join(self.folder, "files.txt")
        some = os.path.join(self.folder, "some.txt")
        with open(everything, encoding="utf-8") as file:
            names = file.read().split("\n")[:-1]
        with open(some, "w", encoding="utf-8") as file:
            file.writelines(name + "\n" for name in names[: 20 if self.options.quick else 200])
        n_some = min(len(names), 20 if self.options.quick else 200)
        theirs = Side([sys.executable, os.path.join(ROOT, "bench", "cif_peer.py"), self.folder])
        self.ours.times(f"files {everything} 1")
        theirs.times(f"files {some} 1")
        result = {"ours": [], "theirs": [], "all": [], "reading": []}
        for _ in range(max(5, self.options.rounds)):
            result["theirs"] += [n_some / t for t in theirs.times(f"files {some} 1")]
            passes = self.ours.times(f"files {some} 9")
            result["ours"].append(n_some / statistics.median(passes[::2]))
            whole, reading = self.ours.times(f"files {everything} 1")
            result["all"].append(len(names) / whole)
            result["reading"].append(len(names) / reading)
        theirs.close()
        result["count"] = n_some
        return result

    def processes(self):
        """Cold processes, in turn: one CIF predicted, and torch imported. Seconds."""
        with open(os.path.join(self.folder, "files.txt"), encoding="utf-8") as file:
            cif = file.readline().strip()
        commands = {
            "ours": [self.program("recryst"), "predict", os.path.join(self.folder, "sr.safetensors"), cif],
            "torch": [sys.executable, "-c", "import torch"],
        }
        result = {name: [] for name in commands}
        for i in range(2 + max(7, self.options.rounds)):
            for name, command in commands.items():
                for _ in range(5 if name == "ours" else 1):
                    start = time.perf_counter()
                    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    if i >= 2:
                        result[name].append(time.perf_counter() - start)
        return result

    def variants(self):
        """Training and prediction by kernels and by threads: seconds of a step."""
        by_kernels, by_threads = {}, {}
        names = ["ref", "base", "avx2", "avx512"] if platform.machine() == "x86_64" else ["ref", "base"]
        names = names[: names.index(self.kernels) + 1]
        for name in names:
            self.ours.ask(f"use {self.threads} {name}")
            for what in ("train", "predict"):
                times = self.ours.times(f"{what} sr {3 if name == 'ref' else 12}")
                by_kernels[name, what] = statistics.median(times[1:])
        counts = sorted({1, 2, 4, self.threads} & set(range(1, self.threads + 1)))
        times = {(n, what, arch): [] for n in counts for what in ("train", "predict") for arch in ARCHITECTURES}
        for _ in range(self.options.rounds):
            for n in counts:
                self.ours.ask(f"use {n} best")
                for what in ("train", "predict"):
                    for arch in ARCHITECTURES:
                        times[n, what, arch].append(statistics.median(self.ours.times(f"{what} {arch} 8")[2:]))
        by_threads = {key: statistics.median(value) for key, value in times.items()}
        self.ours.ask(f"use {self.threads} best")
        return by_kernels, by_threads, counts


# ---- the kernels and their bounds

# Vector operations (of all F = 64 channels' filter and core: 4 pairs of AVX-512 vectors) of one edge and one step, counted in
# src/kernels/cpu: those that need a multiplier (multiply-add, multiply), divisions, and bytes of arrays larger than the
# caches that pass by, where 12 edges share an atom's. By pair of vectors:
#   z: 16 multiply-adds; norm: 2; exp2: 6 each; log1p: 9; softplus: 1
#   backward: 8 products of the derivatives, 2 by ds, 2 for g z, 16 for g e^T
ATOM = 4 * 64 * 4 / 12  # bytes of a row of P|Q an edge
KERNELS = {
    "edge_prepare (training)": (16, 0, 36 + 40 + 2 * 2 * 57 * 4 / 12),
    "edge_stats": (4 * (16 + 2), 0, 40 + ATOM),
    "edge_conv_fwd": (4 * (16 + 2 + 12 + 9 + 1), 4, 40 + ATOM + ATOM / 4),
    "edge_conv_bwd": (4 * (16 + 2 + 12 + 9 + 1 + 8 + 2 + 2 + 16), 4, 40 + ATOM + ATOM / 4 + 2 * 3 * ATOM + 6 * ATOM),
    "edge_weight_bwd": (57 * 16 / 12, 0, ATOM + 2 * 57 * 4 / 12),
    "conv_project_fwd": (64 * 16 / 12, 0, ATOM + ATOM / 4),
    "conv_project_bwd": (2 * 64 * 16 / 12, 0, ATOM + 3 * ATOM / 4),
}
EDGES = 256 * 25 * 12  # of bench_kernels


def kernel_times(program):
    """bench_kernels' table on one core: {operation: {kernels: microseconds}}."""
    lines = subprocess.run([program, "1"], check=True, capture_output=True, text=True).stdout.split("\n")
    header = next(i for i, line in enumerate(lines) if "ref" in line.split())
    names = lines[header].split()
    table = {}
    for line in lines[header + 1 :]:
        if line.strip():
            found = re.findall(r"(\d+)(?: \( *[\d.]+\))?", line[26:])
            table[line[:26].strip()] = dict(zip(names, (int(number) for number in found)))
    return table


def probe(program, threads):
    lines = subprocess.run([program, str(threads)], check=True, capture_output=True, text=True).stdout.split("\n")
    found = {line.split()[0]: [float(word) for word in line.split()[1:]] for line in lines if line}
    return found


# ---- the page


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def rate(seconds):
    return f"{BATCH / statistics.median(seconds):,.0f}"


def ratio_row(name, against, ours, theirs, least, aim):
    """Medians, their ratio, the ratios of the single rounds, and what was demanded."""
    value = statistics.median(theirs) / statistics.median(ours)
    rounds = [b / a for a, b in zip(ours, theirs)]
    verdict = "reached" if value >= aim else "at least reached" if value >= least else "missed"
    return [name, against, f"**{value:.1f}x**", f"{min(rounds):.1f} to {max(rounds):.1f}", f"{least}x", f"{aim}x", verdict]


def main_table(figures, files, processes):
    f, s = figures, "seconds"
    rows = [
        ratio_row("training step, SR-CGCNN T=3", "best PyTorch", f["train", "sr"]["ours"], f["train", "sr"]["best"], 4, 10),
        ratio_row("training step, SR-CGCNN T=3", "plain PyTorch", f["train", "sr"]["ours"], f["train", "sr"]["plain"], 15, 40),
        ratio_row("training step, CGCNN L=3", "plain PyTorch", f["train", "cgcnn"]["ours"], f["train", "cgcnn"]["plain"], 12, 30),
        ratio_row("inference, SR-CGCNN T=3", "best PyTorch", f["predict", "sr"]["ours"], f["predict", "sr"]["best"], 4, 10),
        ratio_row("inference, SR-CGCNN T=3", "plain PyTorch", f["predict", "sr"]["ours"], f["predict", "sr"]["plain"], 20, 60),
    ]
    if files:
        inverse = {name: [1 / r for r in files[name]] for name in ("ours", "theirs")}
        rows.append(ratio_row("CIF files to graphs, one core", "pymatgen, as the reference does it", inverse["ours"], inverse["theirs"], 200, 400))
    if processes:
        group = len(processes["ours"]) // len(processes["torch"])
        ours = [statistics.median(processes["ours"][i * group : (i + 1) * group]) for i in range(len(processes["torch"]))]
        rows.append(ratio_row("one CIF, `recryst predict`, cold process", "importing torch alone", ours, processes["torch"], 50, 200))
    return table(["", "against", "ratio", "single rounds", "at least", "aim", ""], rows)


def speed_table(figures):
    rows = []
    for (what, arch), sides in figures.items():
        name = ("training" if what == "train" else "inference") + ", " + ARCHITECTURES[arch]
        rows.append([name] + [f"{1e3 * statistics.median(v):.2f} ms, {rate(v)}/s" for v in sides.values()])
    return table(["a batch of 256", "recryst", "best PyTorch", "plain PyTorch", "plain, with huge pages"], rows)


def forms_table(tried):
    rows = []
    for what, (_, _, forms, places) in tried.items():
        for form, ms in sorted(forms.items(), key=lambda item: item[1]):
            rows.append(["training" if what == "train" else "inference", f"`{form}`, huge pages", f"{ms:.1f}"])
        for place, ms in sorted(places.items(), key=lambda item: item[1]):
            rows.append(["training" if what == "train" else "inference", f"the fastest of these, {place}", f"{ms:.1f}"])
    return table(["SR-CGCNN", "form", "ms"], rows)


def kernel_tables(times, limits, kernels):
    width, fma, div = limits[kernels]
    one_core = limits["memory"][0]
    rows = []
    for name, (multiplies, divisions, size) in KERNELS.items():
        vectors = 16 / width
        arithmetic = vectors * (multiplies / fma + divisions / div)
        memory = size / one_core
        measured = 1e3 * times[name][kernels] / EDGES
        bound, kind = max((arithmetic, "arithmetic"), (memory, "bytes"))
        rows.append([f"`{name}`", f"{measured:.1f}", f"{arithmetic:.1f}", f"{memory:.1f}", kind, f"{100 * bound / measured:.0f} %"])
    bounds = table(["kernel, ns an edge", "measured", "arithmetic bound", "bytes bound", "the larger", "share reached"], rows)
    names = list(next(iter(times.values())))
    every = table(["microseconds"] + names, [[f"`{name}`"] + [f"{row[k]:,}" for k in names] for name, row in times.items()])
    return bounds, every


def machine(options, before):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = re.findall(r"model name\s*: (.*)", file.read())
    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False).stdout.strip()
    return (
        f"{datetime.date.today()}; {models[0] if models else platform.machine()}, {os.cpu_count()} cores, {options.threads} threads used; "
        f"Linux {platform.release().split('-')[0]}; {compiler}; recryst {commit}; load average before the run {before[0]:.2f}"
        + (" (**the machine was busy: these figures are not good**)" if before[0] > 0.6 * os.cpu_count() else "")
        + "."
    )


def write_page(text):
    begin, end = "<!-- bench: begin -->", "<!-- bench: end -->"
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    head, _, rest = page.partition(begin)
    _, marker, tail = rest.partition(end)
    if not marker:
        sys.exit(f"bench: {PAGE} has lost its markers")
    with open(PAGE + ".new", "w", encoding="utf-8") as file:
        file.write(f"{head}{begin}\n{text}\n{end}{tail}")
    os.replace(PAGE + ".new", PAGE)


def page(bench, options, found):
    import numpy
    import pymatgen.core
    import torch

    d = bench.data
    by_kernels, by_threads, counts = found["variants"]
    most = counts[-1]
    bounds, every = kernel_tables(found["kernel_times"], found["limits"], bench.kernels)
    limits, files, agreement = found["limits"], found["files"], found["agreement"]
    form_train, place_train = found["best"]["train"]
    form_predict, place_predict = found["best"]["predict"]
    threads = [
        [("training" if what == "train" else "inference") + ", " + ARCHITECTURES[arch]]
        + [f"{1e3 * by_threads[n, what, arch]:.2f} ms, {by_threads[1, what, arch] / by_threads[n, what, arch]:.2f}x" for n in counts]
        for what in ("train", "predict")
        for arch in ARCHITECTURES
    ]
    kernels = [
        [f"`{name}`"] + [f"{1e3 * by_kernels[name, what]:.1f} ms, {BATCH / by_kernels[name, what]:,.0f}/s" for what in ("train", "predict")]
        for name in dict.fromkeys(key[0] for key in by_kernels)
    ]
    demo = "" if "alloys" not in d["data"] else " (**the bundled demo alloys: small crystals, not what the table's demands speak of**)"
    return f"""
{machine(options, found['load'])}
PyTorch {torch.__version__}, numpy {numpy.__version__}, pymatgen {pymatgen.core.__version__}, Python {platform.python_version()}.

Data: {d['data']}{demo}: {d['crystals']} crystals drawn with a fixed seed from {d['rows']:,}, {d['atoms'] / d['crystals']:.1f} atoms on average;
{d['passed_over']} were passed over because an atom had other than 12 neighbors. The batch is the {BATCH} of them with the most typical number of
atoms ({d['batch_atoms']:,} atoms, {12 * d['batch_atoms']:,} edges). Kernels: `{bench.kernels}`. Rounds: {options.rounds}.

{main_table(found['figures'], files, found['processes'])}
{speed_table(found['figures'])}
Best PyTorch is `{form_train}` ({place_train}) in training and `{form_predict}` ({place_predict}) in inference, the fastest of what was tried:

{forms_table(found['tried'])}
Largest relative difference between recryst and PyTorch (Euclidean norm, plain and best, both architectures): output
{agreement['output']:.1e}, loss {agreement['loss']:.1e}, gradient of any one tensor {agreement['gradient']:.1e}, prediction {agreement['prediction']:.1e}; the run fails
above {AGREEMENT['output']:.0e}, for gradients {AGREEMENT['gradient']:.0e}.

Files, one core: CIF to graph {statistics.median(files['all']):,.0f} files/s over {d['crystals']:,} files ({statistics.median(files['ours']):,.0f} over the {files['count']} that
pymatgen reads at {statistics.median(files['theirs']):.1f}); of that, reading alone {statistics.median(files['reading']):,.0f} files/s, graphs alone
{1 / (1 / statistics.median(files['all']) - 1 / statistics.median(files['reading'])):,.0f} crystals/s. The whole dataset, {d['rows']:,} crystals, from the archive to graphs in memory on all cores: {d['read_seconds']:.2f} s.
A cold `recryst predict` of one CIF takes {1e3 * statistics.median(found['processes']['ours']):.1f} ms, `import torch` {1e3 * statistics.median(found['processes']['torch']):.0f} ms.

### Threads

{table([""] + [f"{n} thread" + "s" * (n > 1) for n in counts], threads)}
### Instruction sets

SR-CGCNN, {most} threads:

{table(["kernels", "training step", "inference"], kernels)}
### Kernels and their bounds

One core, {EDGES:,} edges. This core does {limits[bench.kernels][1]:.1f} multiply-adds a ns on vectors of {limits[bench.kernels][0]:.0f} floats
({2 * limits[bench.kernels][0] * limits[bench.kernels][1]:.0f} GFLOP/s), {limits[bench.kernels][2]:.2f} divisions; its memory moves {limits['memory'][0]:.0f} GB/s for one core, {limits['memory'][1]:.0f} GB/s for {most}.
The arithmetic bound counts what needs a multiplier (multiply-adds, products, divisions) and nothing else; the bytes bound takes every
array as coming from memory, although most of it stays in the caches.

{bounds}
{every}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--data", required=True)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=7, help="at least five")
    parser.add_argument("--quick", action="store_true", help="try the harness: one PyTorch form, few files, few rounds")
    parser.add_argument("--dry", action="store_true", help="print the page's part instead of writing it")
    options = parser.parse_args()
    options.rounds = 3 if options.quick else max(5, options.rounds)
    found = {"load": os.getloadavg()}
    bench = Bench(options)
    say(f"data: {bench.data}")
    say("the fastest PyTorch:")
    found["tried"] = {what: bench.fastest(what) for what in ("train", "predict")}
    found["best"] = {what: tried[:2] for what, tried in found["tried"].items()}
    say("same numbers:")
    found["agreement"] = bench.check(["plain"] + sorted({form for form, _ in found["best"].values()}))
    say("in turn:")
    found["figures"] = bench.against_torch(found["best"])
    bench.quiet()
    found["files"] = bench.files()
    found["processes"] = bench.processes()
    say("threads, instruction sets, kernels:")
    found["variants"] = bench.variants()
    found["kernel_times"] = kernel_times(bench.program("bench_kernels"))
    found["limits"] = probe(bench.program("bench_probe"), options.threads)
    text = page(bench, options, found)
    bench.close()
    if options.dry:
        print(text)
    else:
        write_page(text)
        print(main_table(found["figures"], found["files"], found["processes"]))
        say(f"written to {os.path.relpath(PAGE)}")


if __name__ == "__main__":
    main()
