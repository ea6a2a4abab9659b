#!/usr/bin/env bash
# Dependencies are pinned or bounded, and docs/dependencies.md gives each bound with its reason: what CMake and pyproject.toml ask
# for is what the page says, and the page's npm packages are exact, hashed, and run no script when they are installed.
set -u
command -v python3 >/dev/null || {
    [ "${CI-}" = true ] && echo "python3 is missing (tools/setup.sh --dev)" && exit 1
    echo "SKIPPED: no python3"
    exit 77
}
cat >"${TMPDIR:-/tmp}/dependencies-$$.py" <<'END_PYTHON'
import json, os, re, sys

def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8") as file:
        return file.read()

def complaints(root):
    wrong = []
    # | What, What | version, version | reason | name |
    table = {}
    for row in re.findall(r"^\| ([^|]+) \| ([\d., ]+) \| ([^|]*) \|", read(root, "docs/dependencies.md"), re.M):
        names, versions = row[0].split(", "), row[1].split(", ")
        if len(names) != len(versions) or not row[2].strip():
            wrong.append("docs/dependencies.md: a bound without a version or a reason: " + row[0])
        table.update({name.split(" (")[0].lower(): version for name, version in zip(names, versions)})
    bounds = {name: version for call in re.findall(r"pkg_check_modules\(([^)]*)\)", read(root, "CMakeLists.txt"))
              for name, version in re.findall(r"([\w+-]+)>=([\d.]+)", call)}
    python = re.findall(r'"([\w-]+)([^"]*)"', "".join(re.findall(r"^(?:requires|dependencies) = \[(.*)\]", read(root, "pyproject.toml"), re.M)))
    for name, bound in python:
        if not re.fullmatch(r">=[\d.]+", bound):
            wrong.append("pyproject.toml: no bound for " + name)
        bounds[name] = bound[2:]
    for name, version in bounds.items():
        said = table.get({"sqlite3": "sqlite"}.get(name, name))
        if said != version:
            wrong.append(f"{name} is asked for from {version} on; docs/dependencies.md says {said}")
    if len(bounds) < 5:
        wrong.append("only %d bounds are found" % len(bounds))
    package, lock = json.loads(read(root, "web/package.json")), json.loads(read(root, "web/package-lock.json"))
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        if not re.fullmatch(r"\d+\.\d+\.\d+", version):
            wrong.append(f"web/package.json: {name} {version} is no exact version")
    for name, entry in lock["packages"].items():
        if name and not str(entry.get("integrity", "")).startswith("sha512-"):
            wrong.append(f"web/package-lock.json: {name} has no SHA-512")
    if "ignore-scripts=true" not in read(root, "web/.npmrc").split("\n"):
        wrong.append("web/.npmrc: install scripts may run")
    return wrong

found = complaints(sys.argv[1])
print("\n".join(found), end="\n" if found else "")
sys.exit(1 if found else 0)
END_PYTHON
program=${TMPDIR:-/tmp}/dependencies-$$.py
dir=$(mktemp -d)
trap 'rm -rf "$dir" "$program"' EXIT
python3 "$program" "$RECRYST_SOURCE" || exit 1
# It finds what is planted.
planted() { # FILE, SED COMMAND, COMPLAINT
    rm -rf "$dir/tree"
    mkdir -p "$dir/tree/docs" "$dir/tree/web"
    for file in CMakeLists.txt pyproject.toml docs/dependencies.md web/package.json web/package-lock.json web/.npmrc; do
        cp "$RECRYST_SOURCE/$file" "$dir/tree/$file"
    done
    sed -i "$2" "$dir/tree/$1"
    python3 "$program" "$dir/tree" >"$dir/said" && echo "the check does not notice: $3" && exit 1
    grep -qF "$3" "$dir/said" || { echo "the check does not say: $3" && cat "$dir/said" && exit 1; }
}
planted CMakeLists.txt 's/jansson>=2.10/jansson>=2.14/' "jansson is asked for from 2.14 on"
planted CMakeLists.txt 's/libcurl>=/other>=/' "other is asked for"
planted pyproject.toml 's/"numpy>=1.23"/"numpy"/' "no bound for numpy"
planted docs/dependencies.md 's/^| libarchive | 3.3.3 | zstd |/| libarchive | 3.3.3 |  |/' "a bound without a version or a reason: libarchive"
planted web/package.json 's/"echarts": "/"echarts": "^/' "no exact version"
planted web/package-lock.json '0,/sha512-/s//sha1-/' "has no SHA-512"
planted web/.npmrc '/ignore-scripts/d' "install scripts may run"
