"""recryst against PyTorch and pymatgen, in turn on one machine: what `make bench` runs.

Writes its tables into docs/performance.md, between the marks there. Sides take turns (A B A B), each figure is the median
of at least five rounds after warm-up, graphs are in memory, both sides get the same batch in single precision on the same
number of threads, and both must give the same outputs and gradients, or the run fails.

The run has parts; what each found is kept in the work folder, and the page is written from all that are there. So a part can
be repeated alone, and a run that was stopped goes on with --parts.
"""
import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

import page
import sides
from sides import ARCHITECTURES, ROOT, Bench, Side, say

PARTS = ["steps", "files", "cold", "threads", "variants", "bounds"]


def part_steps(bench):
    """Training steps and inference beside the fastest and the plain PyTorch."""
    best = bench.fastest()
    agreement = bench.check(["plain"] + sorted({found["form"] for found in best.values()}))
    figures = {}
    for what in ("train", "predict"):
        form, place = best[what]["form"], best[what]["place"]
        bench.quiet(place, "as it comes", "huge pages")
        for arch in ARCHITECTURES:
            figures[f"{what} {arch}"] = found = bench.turns(
                {
                    "ours": (bench.ours, f"{what} {arch} {{}}", 10),
                    "best": (bench.peer(place), f"{what} {form} {arch} {{}}", 5),
                    "plain": (bench.peer("as it comes"), f"{what} plain {arch} {{}}", 2),
                    "plain, huge pages": (bench.peer("huge pages"), f"{what} plain {arch} {{}}", 2),
                }
                | ({"whole": (bench.ours, f"whole {arch} {{}}", 10)} if what == "train" else {}),
                bench.options.rounds,
            )
            say(f"{what} {arch}: " + ", ".join(f"{k} {1e3 * statistics.median(v):.2f} ms" for k, v in found.items()))
    bench.quiet()
    return {"best": best, "agreement": agreement, "figures": figures}


def part_files(bench):
    """CIF files to graphs on one core: pymatgen on 200 of them, recryst on the same and on all."""
    everything, some = os.path.join(bench.folder, "files.txt"), os.path.join(bench.folder, "some.txt")
    with open(everything, encoding="utf-8") as file:
        names = file.read().split("\n")[:-1]
    n = min(len(names), 20 if bench.options.quick else 200)
    with open(some, "w", encoding="utf-8") as file:
        file.writelines(name + "\n" for name in names[:n])
    theirs = Side([sys.executable, os.path.join(ROOT, "bench", "cif_peer.py"), bench.folder])
    bench.ours.times(f"files {everything} 1")
    theirs.times(f"files {some} 1")
    result = {"count": n, "ours": [], "theirs": [], "all": [], "reading": []}
    for _ in range(bench.options.rounds):
        result["theirs"] += [n / t for t in theirs.times(f"files {some} 1")]
        result["ours"].append(n / statistics.median(bench.ours.times(f"files {some} 9")[::2]))
        whole, reading = bench.ours.times(f"files {everything} 1")
        result["all"].append(len(names) / whole)
        result["reading"].append(len(names) / reading)
        say(f"files a second: recryst {result['ours'][-1]:,.0f}, pymatgen {result['theirs'][-1]:.1f}")
    theirs.close()
    return result


def part_cold(bench):
    """Cold processes, in turn: one CIF predicted (medians of five), and torch imported. Seconds."""
    with open(os.path.join(bench.folder, "files.txt"), encoding="utf-8") as file:
        cif = file.readline().strip()
    commands = {
        "ours": ([bench.program("recryst"), "predict", os.path.join(bench.folder, "sr.safetensors"), cif], 5),
        "nothing": (["/bin/true"], 5),
        "torch": ([sys.executable, "-c", "import torch"], 1),
    }
    result = {name: [] for name in commands}
    for i in range(2 + bench.options.rounds):
        for name, (command, times) in commands.items():
            taken = []
            for _ in range(times):
                start = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                taken.append(time.perf_counter() - start)
            if i >= 2:
                result[name].append(statistics.median(taken))
    say("cold: " + ", ".join(f"{name} {1e3 * statistics.median(t):.1f} ms" for name, t in result.items()))
    return result


def part_threads(bench):
    """Seconds of a step by number of threads, in turn."""
    counts = sorted({1, 2, 4, bench.threads} & set(range(1, bench.threads + 1)))
    times = {f"{what} {arch}": {str(n): [] for n in counts} for what in ("train", "predict") for arch in ARCHITECTURES}
    for _ in range(bench.options.rounds):
        for n in counts:
            bench.ours.ask(f"use {n} best")
            for key, found in times.items():
                # The first steps of a new pool are not yet those of a long run: its threads find their cores.
                found[str(n)].append(statistics.median(bench.ours.times(f"{key} 40")[10:]))
    bench.ours.ask(f"use {bench.threads} best")
    for key, found in times.items():
        say(f"threads: {key}: " + ", ".join(f"{n}: {1e3 * statistics.median(t):.2f} ms" for n, t in found.items()))
    return {"counts": counts, "times": times}


def part_variants(bench):
    """Seconds of a step of SR-CGCNN by kernels, on one thread and on all."""
    names = ["ref", "base", "avx2", "avx512"] if platform.machine() == "x86_64" else ["ref", "base"]
    names = names[: names.index(bench.kernels) + 1]
    times = {}
    for name in names:
        for threads in sorted({1, bench.threads}):
            bench.ours.ask(f"use {threads} {name}")
            for what in ("train", "predict"):
                found = bench.ours.times(f"{what} sr {3 if name == 'ref' else 12}")
                times[f"{name} {threads} {what}"] = statistics.median(found[1:])
        say(f"kernels: {name}: " + ", ".join(f"{k} {1e3 * t:.1f} ms" for k, t in times.items() if k.startswith(name + " ")))
    bench.ours.ask(f"use {bench.threads} best")
    return {"names": names, "times": times}


def part_bounds(bench):
    """bench_kernels' table on one core, {operation: {kernels: microseconds}}, and what the machine can do."""
    lines = subprocess.run([bench.program("bench_kernels"), "1"], check=True, capture_output=True, text=True).stdout.split("\n")
    header = next(i for i, line in enumerate(lines) if "ref" in line.split())
    names = lines[header].split()
    table = {}
    for line in lines[header + 1 :]:
        if line.strip():
            found = re.findall(r"(\d+)(?: \( *[\d.]+\))?", line[26:])
            table[line[:26].strip()] = dict(zip(names, (int(number) for number in found)))
    say("bounds: kernels timed")
    lines = subprocess.run([bench.program("bench_probe"), str(bench.threads)], check=True, capture_output=True, text=True).stdout
    limits = {line.split()[0]: [float(word) for word in line.split()[1:]] for line in lines.split("\n") if line}
    return {"kernel_times": table, "limits": limits}


def busy_cores():
    """How many cores other programs keep busy, while ours wait: a second and a half of it."""

    def counts():
        with open("/proc/stat", encoding="utf-8") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
        return sum(ticks) - ticks[3] - ticks[4], sum(ticks)  # less idle and waiting for a disk

    time.sleep(0.5)  # threads that wait actively go to sleep
    busy, total = counts()
    time.sleep(1.5)
    later, end = counts()
    return (later - busy) / max(1, end - total) * os.cpu_count()


def circumstances(bench):
    """What a part's figures belong to."""
    import numpy
    import pymatgen.core
    import torch

    def first_line(*command):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")[0].strip()

    return {
        "date": str(datetime.date.today()),
        "machine": f"{sides.processor()}, {os.cpu_count()} cores",
        "system": f"Linux {platform.release().split('-')[0]}; {first_line('cc', '--version')}",
        "python": f"PyTorch {torch.__version__}, numpy {numpy.__version__}, pymatgen {pymatgen.core.__version__}, Python {platform.python_version()}",
        "commit": first_line("git", "-C", ROOT, "describe", "--always", "--dirty"),
        "load": busy_cores(),
        "cores": os.cpu_count(),
        "threads": bench.threads,
        "rounds": bench.options.rounds,
        "kernels": bench.kernels,
        "data": bench.data,
        "quick": bench.options.quick,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", default=os.path.join(ROOT, "runs", "bench"), help="where results and compiled code are kept")
    parser.add_argument("--parts", default=",".join(PARTS), help="which to run now, of " + ",".join(PARTS) + "; none: only write the page")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=7, help="at least five")
    parser.add_argument("--search", action="store_true", help="look for the fastest PyTorch form again, although it is known")
    parser.add_argument("--quick", action="store_true", help="try the harness: two PyTorch forms, few files, few rounds; implies --dry")
    parser.add_argument("--dry", action="store_true", help="print the page's part instead of writing it")
    options = parser.parse_args()
    options.rounds = 3 if options.quick else max(5, options.rounds)
    parts = [part for part in options.parts.split(",") if part not in ("", "none")]
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(PARTS)}")
    os.makedirs(options.work, exist_ok=True)
    kept = os.path.join(options.work, "quick.json" if options.quick else "results.json")
    results = {}
    if os.path.exists(kept):
        with open(kept, encoding="utf-8") as file:
            results = json.load(file)
    bench = Bench(options) if parts else None
    for part in PARTS:
        if part not in parts:
            continue
        where = circumstances(bench)
        say(f"== {part}" + (", although the machine is busy" if page.busy(where) else ""))
        results[part] = {"where": where} | globals()["part_" + part](bench)
        with open(kept + ".new", "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
        os.replace(kept + ".new", kept)
    if bench:
        bench.close()
    text = page.write(results)
    if options.dry or options.quick:
        print(text)
    else:
        page.put(text)
        print(page.main_table(results))
        say(f"written to {os.path.relpath(page.PAGE)}")


if __name__ == "__main__":
    main()
