#!/usr/bin/env python3
"""The record of the long fuzz campaigns: what has been run of which sources, whatever machine it was run on.

usage: campaign.py sources TARGET                                what identifies the sources of a fuzz target; --list names them
       campaign.py done RECORD TARGET SANITIZER                  the runs and seconds that the record has of its present sources
       campaign.py add RECORD TARGET SANITIZER SOURCES RUNS SECONDS
       campaign.py table RECORD PAGE                             put its table between a page's marks "campaign"

The record is a CSV with a row for each target, sanitizer and state of the sources, the newest state of a target last.
tools/fuzz.sh and tools/msan.sh keep one in their build folder; FUZZ_RECORD=tests/fuzz/campaign.csv makes them go on
with the committed one and write there.  `commit` is the last one at which runs were added.

A state is named by a hash over what the target reaches: its own file, and, by name, from function to function, all
functions, types, tables and macros of src/ and include/ that what is reached so far mentions (so it is rather more than
what is called).  Comments, blanks, the order in a file, names of files, prototypes and what nothing reached mentions do
not count: moving a function or adding another changes no state.  Names that macros paste together are not seen, and the
system's headers and libraries, the compiler and its flags are not part of it.
"""
import csv
import fcntl
import hashlib
import os
import re
import subprocess
import sys

ROOT = os.environ.get("CAMPAIGN_ROOT") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIELDS = ["target", "sanitizer", "sources", "commit", "runs", "seconds"]
WANTED = 10_000_000


# ---- what identifies sources

STRING = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
KEYWORDS = set("static const extern inline void char short int long float double unsigned signed struct union enum "
               "typedef volatile return if else for while do switch case default break continue sizeof goto".split())


def items(text):
    """The directives, functions, types and tables at the top level of a file laid out by clang-format."""
    text = re.sub(STRING + r"|//[^\n]*|/\*.*?\*/", lambda m: re.sub(r"[^\n]", "", m.group())
                  if m.group().startswith("/") else m.group(), text, flags=re.S)
    begun, depth, directive = [], 0, False
    for line in text.split("\n"):
        if not begun:
            directive = line.startswith("#")
            if not line.strip() or re.match(r'(extern "C"|namespace\b[\w ]*) \{$|\}', line):
                continue
        begun.append(line)
        if directive:
            done = not line.endswith("\\")
        else:
            bare = re.sub(STRING, "", line)
            depth += bare.count("{") - bare.count("}")
            done = depth <= 0 and re.search(r"[;}]\s*$", bare)
        if done:
            yield "\n".join(begun)
            begun, depth = [], 0


def defined(item):
    """The names that an item gives something to, and whether other files can use them; none for a prototype."""
    words = lambda text: set(re.findall(r"[A-Za-z_]\w*", re.sub(STRING, "", text))) - KEYWORDS
    if item.startswith("#"):
        return set(re.findall(r"^#\s*define\s+(\w+)", item)), False
    head = re.split(r"[{=;]", re.sub(STRING, '""', item))[0]
    if re.match(r"(_Static_assert|static_assert|using)\b", item):
        return set(), False
    if re.match(r"(typedef|struct|union|class)\b", item) and "{" in item:
        return set(re.findall(r"\b(?:struct|union|class)\s+(\w+)", head)) | words(item.rsplit("}", 1)[1]), False
    if re.match(r"typedef\b", item):
        head = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head)
        return set(re.findall(r"(\w+)\)?\s*\(" if "(" in head else r"(\w+)\s*$", head)) - KEYWORDS, False
    if re.match(r"enum\b", item):
        return words(item), False
    shared = not re.match(r"(static|INLINE)\b", head)
    head = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head)
    if "(" not in head:
        return set(re.findall(r"(\w+)\s*(?:\[[^\]]*\]\s*)*(?:,|$)", head)), shared
    return set(re.findall(r"(\w+)\s*\(", head)) - KEYWORDS if "{" in item else set(), shared


def read_sources(target):
    """The text of each file of src/ and include/, and of the target's own with its headers, by path."""
    texts = {}
    for top in ("src", "include", "tests/fuzz"):
        for at, _, files in os.walk(os.path.join(ROOT, top)):
            for path in (os.path.relpath(os.path.join(at, file), ROOT) for file in files):
                wanted = path.endswith((".c", ".h", ".cpp")) and (top != "tests/fuzz" or path.endswith((".h", f"/fuzz_{target}.c")))
                if wanted:
                    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                        texts[path] = file.read()
    return texts


def headers_of(path, texts, seen):
    """Adds to `seen` what the file includes, and so on."""
    for name in re.findall(r'^\s*#\s*include\s*"([^"]*)"', texts[path], flags=re.M):
        for folder in ("src", "include", "tests", os.path.dirname(path)):
            header = os.path.join(folder, name)
            if header in texts and header not in seen:
                seen.add(header)
                headers_of(header, texts, seen)
    return seen


def sources_of(target, tell=False):
    texts, known, reached = read_sources(target), {}, set()
    if f"tests/fuzz/fuzz_{target}.c" not in texts:
        sys.exit(f"campaign: there is no target {target}")
    for path, text in texts.items():
        for item in items(text):
            names, shared = defined(item)
            if path.endswith(".cpp"):  # all but its interface in C is in a namespace without a name
                shared = any(name.startswith("rcr_") for name in names)
            for name in names:
                known.setdefault(name, []).append((path, item, shared))
            if path == f"tests/fuzz/fuzz_{target}.c":
                reached.add((path, item))
    left = sorted(reached)
    headers = {path: headers_of(path, texts, {path}) for path in texts}
    while left:
        path, item = left.pop()
        for word in set(re.findall(r"[A-Za-z_]\w*", re.sub(STRING, "", item))):
            for where, found, shared in known.get(word, []):
                # What a header has, or the file itself; or what is linked.
                if (where in headers[path] or (shared and not where.endswith(".h"))) and (where, found) not in reached:
                    reached.add((where, found))
                    left.append((where, found))
    if tell:
        for path, item in sorted(reached):
            print(hashlib.sha256(item.encode()).hexdigest()[:8], f"{path}: {' '.join(sorted(defined(item)[0]))}")
    plain = sorted({re.sub(r"\s+", "", item) for _, item in reached if not re.match(r"#\s*include", item)})
    return hashlib.sha256("\n".join(plain).encode()).hexdigest()[:16]


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
    git = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    row["commit"] = git.stdout.strip() or "-"
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
    present = {target: sources_of(target) for target in targets}
    lines = []
    for sanitizer in ("address+undefined", "memory"):
        lines += [f"| target under `{sanitizer}` | runs | seconds | of them of the present sources | last at commit |",
                  "|---|---:|---:|---:|---|"]
        short, none = [], []
        for target in targets:
            own = [r for r in rows if r["target"] == target and r["sanitizer"] == sanitizer]
            runs = sum(r["runs"] for r in own)
            now = sum(r["runs"] for r in own if r["sources"] == present[target])
            if runs < WANTED:
                (short if runs else none).append(f"`{target}`")
            if runs:
                lines.append(f"| {target} | {runs:,} | {sum(r['seconds'] for r in own):,} | {now:,} | {own[-1]['commit']} |")
        lines += ["", f"Short of {WANTED:,} runs in all: {', '.join(short) or 'none'}. Without a run: {', '.join(none) or 'none'}.", ""]
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
    if command == "sources" and len(given) in (1, 2):
        print(sources_of(given[0], given[1:] == ("--list",)))
    elif command == "done" and len(given) == 3:
        row = find(load(given[0]), *given[1:], sources_of(given[1]))
        print(*((row["runs"], row["seconds"]) if row else (0, 0)))
    elif command == "add" and len(given) == 6:
        add(*given[:4], int(given[4]), int(given[5]))
    elif command == "table" and len(given) == 2:
        put_table(*given)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
