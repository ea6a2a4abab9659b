#!/usr/bin/env python3
"""What of src/ has run in a build with -DRECRYST_COVERAGE=ON: tables in Markdown (make coverage, docs/testing.md).

usage: tools/coverage.py BUILD [--least PERCENT] [--lines FILE]

A source is compiled into several objects (the library, that with faults, the variants of the kernels); a line or a branch counts
as covered when it ran in any of them.  --least: status 1 when fewer lines outside src/cli are covered.  --lines: print the lines
of one file that did not run.  Python's standard library and gcov.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def gcov(note):
    """gcov's report of one object, as a dict; its counts are 0 where it has never run."""
    folder, name = os.path.split(note)
    data = os.path.join(folder, name[:-5] + ".gcda")
    done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", name if not os.path.exists(data) else name[:-5] + ".gcda"],
                          cwd=folder, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class File:
    def __init__(self):
        self.lines = collections.Counter()
        self.branches = {}  # (line, index): count
        self.functions = {}  # name: (line, count)


def collect(build):
    notes = [os.path.join(folder, name) for folder, _, names in os.walk(build) for name in names
             if name.endswith(".gcno") and "/src/" in os.path.join(folder, name)]
    files = collections.defaultdict(File)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for reports in pool.map(gcov, notes):
            for report in reports:
                for entry in report["files"]:
                    path = os.path.relpath(os.path.join(report["current_working_directory"], entry["file"]), ROOT)
                    if not path.startswith("src/"):
                        continue
                    add(files[path], entry)
    return files


def add(file, entry):
    for line in entry["lines"]:
        file.lines[line["line_number"]] += line["count"]
        # Those that C++ may leave by exceptions have no line of their own.
        for index, branch in enumerate(b for b in line["branches"] if not b["throw"]):
            key = line["line_number"], index
            file.branches[key] = file.branches.get(key, 0) + branch["count"]
    for function in entry["functions"]:
        name = function["demangled_name"]
        file.functions[name] = (function["start_line"], file.functions.get(name, (0, 0))[1] + function["execution_count"])


def share(covered, total):
    return f"{100 * covered / total:.1f} %" if total else "-"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--least", type=float, default=0)
    parser.add_argument("--lines")
    arguments = parser.parse_args()
    files = collect(os.path.abspath(arguments.build))
    if not files:
        sys.exit("coverage: nothing was counted; is it a build with -DRECRYST_COVERAGE=ON?")
    if arguments.lines:
        missed = sorted(line for line, count in files[arguments.lines].lines.items() if count == 0)
        with open(os.path.join(ROOT, arguments.lines), encoding="utf-8") as source:
            text = source.read().split("\n")
        for line in missed:
            print(f"{line}: {text[line - 1]}")
        return
    rooms = collections.defaultdict(lambda: [0, 0, 0, 0])
    by_file = []
    for path, file in sorted(files.items()):
        counts = [len(file.lines), sum(count > 0 for count in file.lines.values()),
                  len(file.branches), sum(count > 0 for count in file.branches.values())]
        room = re.match(r"src/([^/]+)/", path).group(1)
        for where in [room, "all"] + (["all but cli"] if room != "cli" else []):
            rooms[where] = [a + b for a, b in zip(rooms[where], counts)]
        by_file.append((path, counts, file))
    print("| room | lines | covered | branches | covered |\n|---|---:|---:|---:|---:|")
    for room in sorted(set(rooms) - {"all", "all but cli"}) + ["all but cli", "all"]:
        lines, covered, branches, taken = rooms[room]
        print(f"| {room} | {lines:,} | {share(covered, lines)} | {branches:,} | {share(taken, branches)} |")
    print("\nFiles of which less than 85 % of the lines run:\n")
    for path, (lines, covered, _, _), _ in sorted(by_file, key=lambda item: item[1][1] / max(item[1][0], 1)):
        if covered < 0.85 * lines:
            print(f"- `{path}`: {share(covered, lines)} of {lines}")
    print("\nFunctions that never run:\n")
    for path, _, file in by_file:
        never = sorted((line, name) for name, (line, count) in file.functions.items() if count == 0)
        if never:
            print(f"- `{path}`: " + ", ".join(f"`{re.sub(r'[(].*', '', name)}`" for _, name in never))
    lines, covered, _, _ = rooms["all but cli"]
    if 100 * covered < arguments.least * lines:
        sys.exit(f"coverage: {share(covered, lines)} of the lines outside src/cli; at least {arguments.least:g} % is wanted")


main()
