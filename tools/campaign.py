#!/usr/bin/env python3
"""The record of the long fuzz campaigns: what has been run of which sources, whatever machine it was run on.

usage: campaign.py sources PROGRAM                               what identifies the sources of a fuzz target's program
       campaign.py done RECORD TARGET SANITIZER SOURCES          the runs and seconds that the record has of them
       campaign.py add RECORD TARGET SANITIZER SOURCES RUNS SECONDS
       campaign.py table RECORD PAGE                             put its table between a page's marks "campaign"

The record is a CSV with a row for each target, sanitizer and state of the sources, the newest state of a target last.
tools/fuzz.sh and tools/msan.sh keep one in their build folder; FUZZ_RECORD=tests/fuzz/campaign.csv makes them go on
with the committed one and write there.  `commit` is the last one at which runs were added.

A state is named by a hash over the files of this project that the target's program is compiled from: those whose
code was linked, by the program's debug lines, and what they include.  Comments, blanks and the names of files do not
count, so moving or laying out a file changes no state; headers and libraries of the system are not part of it.
"""
import csv
import fcntl
import hashlib
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIELDS = ["target", "sanitizer", "sources", "commit", "runs", "seconds"]
WANTED = 10_000_000


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True, cwd=ROOT).stdout


# ---- what identifies sources


def plain(text):
    """The text without comments, blanks and the names of what it includes."""
    tokens = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/'
    text = re.sub(tokens, lambda m: "" if m.group().startswith("/") else m.group(), text, flags=re.S)
    text = re.sub(r'^\s*#\s*include\s*"[^"]*"', "", text, flags=re.M)
    return re.sub(r"\s+", "", text)


def included(path, text):
    for name in re.findall(r'^\s*#\s*include\s*"([^"]*)"', text, flags=re.M):
        for folder in ("src", "tests", "include", os.path.dirname(path)):
            if os.path.isfile(os.path.join(ROOT, folder, name)):
                yield os.path.normpath(os.path.join(folder, name))
                break


def sources_of(program):
    """The state of the sources of a program that has debug lines."""
    units = run("readelf", "--debug-dump=info", "--dwarf-depth=1", os.path.abspath(program))
    paths = {os.path.normpath(p) for p in re.findall(r"DW_AT_name.*: (\S+\.(?:c|cpp))$", units, flags=re.M)}
    left = {os.path.relpath(p, ROOT) if os.path.isabs(p) else p for p in paths}
    left = [p for p in left if not p.startswith("..") and os.path.isfile(os.path.join(ROOT, p))]
    if not left:
        sys.exit(f"campaign: {program} names no source of this project; it needs debug lines (-gline-tables-only)")
    seen = {}
    while left:
        path = left.pop()
        if path in seen:
            continue
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            text = file.read()
        seen[path] = hashlib.sha256(plain(text).encode()).hexdigest()
        left += included(path, text)
    if os.environ.get("CAMPAIGN_FILES"):
        print("\n".join(sorted(seen)), file=sys.stderr)
    return hashlib.sha256("".join(sorted(seen.values())).encode()).hexdigest()[:16]


# ---- the record


def load(path):
    if not os.path.exists(path):
        return []
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["runs"], row["seconds"] = int(row["runs"]), int(row["seconds"])
    return rows


def find(rows, target, sanitizer, sources):
    for row in rows:
        if (row["target"], row["sanitizer"], row["sources"]) == (target, sanitizer, sources):
            return row
    return None


def add(path, target, sanitizer, sources, runs, seconds):
    """Also from several processes at once."""
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    rows = load(path)
    row = find(rows, target, sanitizer, sources) or dict(zip(FIELDS, [target, sanitizer, sources, "", 0, 0]))
    row["commit"] = run("git", "rev-parse", "--short=12", "HEAD").strip()
    row["runs"] += runs
    row["seconds"] += seconds
    rows = [r for r in rows if r is not row] + [row]
    rows.sort(key=lambda r: (r["target"], r["sanitizer"]))  # which leaves states in their order
    with open(path + ".part", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(path + ".part", path)
    os.close(folder)


# ---- the table


def table(rows):
    targets = sorted(f[5:-2] for f in os.listdir(os.path.join(ROOT, "tests/fuzz")) if re.fullmatch(r"fuzz_\w+\.c", f))
    lines = []
    for sanitizer in ("address,undefined", "memory"):
        lines += [f"| target under `{sanitizer}` | runs | seconds | sources as at commit | runs of earlier sources |",
                  "|---|---:|---:|---|---:|"]
        short = []
        for target in targets:
            own = [r for r in rows if r["target"] == target and r["sanitizer"] == sanitizer]
            newest = own[-1] if own else {"runs": 0, "seconds": 0, "commit": "-"}
            earlier = sum(r["runs"] for r in own[:-1])
            if newest["runs"] < WANTED:
                short.append(f"`{target}`")
            lines.append(f"| {target} | {newest['runs']:,} | {newest['seconds']:,} | {newest['commit']} | "
                         f"{f'{earlier:,}' if earlier else ''} |")
        lines += ["", f"Fewer than {WANTED:,} runs of their newest sources: {', '.join(short) or 'none'}.", ""]
    return lines[:-1]


def put_table(record, page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    begin, end = "<!-- campaign: begin -->\n", "<!-- campaign: end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        sys.exit(f"campaign: {page} has no marks \"campaign\"")
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    with open(page, "w", encoding="utf-8") as file:
        file.write(head + begin + "\n".join(table(load(record))) + "\n" + end + tail)


def main(command="", *given):
    if command == "sources" and len(given) == 1:
        print(sources_of(given[0]))
    elif command == "done" and len(given) == 4:
        row = find(load(given[0]), *given[1:])
        print(*((row["runs"], row["seconds"]) if row else (0, 0)))
    elif command == "add" and len(given) == 6:
        add(*given[:4], int(given[4]), int(given[5]))
    elif command == "table" and len(given) == 2:
        put_table(*given)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
