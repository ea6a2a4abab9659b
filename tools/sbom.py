#!/usr/bin/env python3
"""A software bill of materials of what was built: CycloneDX 1.5, as JSON, on standard output (make sbom).

usage: tools/sbom.py BUILD [--check]     --check: say what is linked but not known here, or known here but not in
                                         docs/dependencies.md, and write nothing

What is linked is read from the built files (readelf -d), never from a list; what they load later or contain is told by the
build's settings.  The same build gives the same bytes: SOURCE_DATE_EPOCH alone gives it a time.  Python's standard library only.
"""
import argparse
import ctypes
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(*command):
    """What a command prints, or "" when it can't be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def macro(header, *names):
    """ "1.2.3" from macros of a C header."""
    wanted = "\n".join([f"#include <{header}>"] + [f"RCR_MARK {name}" for name in names])
    compiler = os.environ.get("CXX", "c++").split()
    out = subprocess.run(compiler + ["-std=c++17", "-E", "-P", "-x", "c++", "-"], input=wanted + "\n", capture_output=True, text=True, check=False).stdout
    return ".".join(re.findall(r"^RCR_MARK\s+(\d+)$", out, re.M))


def spglib_version(soname):
    try:
        library = ctypes.CDLL(soname)
    except OSError:
        return ""
    return ".".join(str(getattr(library, f"spg_get_{part}_version")()) for part in ("major", "minor", "micro"))


def c_library_version(_):
    try:
        version = ctypes.CDLL("libc.so.6").gnu_get_libc_version
    except (OSError, AttributeError):
        return ""
    version.restype = ctypes.c_char_p
    return version().decode()


def cairo_version(soname):
    try:
        version = ctypes.CDLL(soname).cairo_version_string
    except (OSError, AttributeError):
        return ""
    version.restype = ctypes.c_char_p
    return version().decode()


def pkg(name):
    return lambda _: run("pkg-config", "--modversion", name)


def distribution():
    """The name that package URLs have for the system whose packages are installed here: debian, ubuntu, ..."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            with open(path, encoding="utf-8") as file:
                match = re.search(r"""^ID=["']?([a-z0-9._-]+)""", file.read(), re.M)
        except OSError:
            continue
        if match:
            return match.group(1)
    return "debian"


# name as docs/dependencies.md has it, what its shared library is called, licence (SPDX), version (of the soname that is asked for).
LIBRARIES = [
    ("jansson", r"libjansson\.so", "MIT", pkg("jansson")),
    ("libarchive", r"libarchive\.so", "BSD-2-Clause", pkg("libarchive")),
    ("zlib", r"libz\.so", "Zlib", pkg("zlib")),
    ("libmd", r"libmd\.so", "BSD-3-Clause AND BSD-2-Clause AND ISC", pkg("libmd")),
    ("spglib", r"libsymspg\.so", "BSD-3-Clause", spglib_version),
    ("LMDB", r"liblmdb\.so", "OLDAP-2.8", lambda _: macro("lmdb.h", "MDB_VERSION_MAJOR", "MDB_VERSION_MINOR", "MDB_VERSION_PATCH")),
    ("SQLite", r"libsqlite3\.so", "blessing", pkg("sqlite3")),
    ("libcurl", r"libcurl(-gnutls)?\.so", "curl", pkg("libcurl")),
    ("cairo", r"libcairo\.so", "LGPL-2.1-only OR MPL-1.1", cairo_version),
    ("glibc", r"(libc|libm|libdl|libpthread|librt|ld-linux[a-z0-9_-]*)\.so", "LGPL-2.1-or-later", c_library_version),
    ("libgcc", r"libgcc_s\.so", "GPL-3.0-or-later WITH GCC-exception-3.1", lambda _: run("cc", "-dumpfullversion")),
    ("libstdc++", r"libstdc\+\+\.so", "GPL-3.0-or-later WITH GCC-exception-3.1", lambda _: run("c++", "-dumpfullversion")),
]
TOML = ("toml++", "MIT", lambda _: macro("toml++/toml.h", "TOML_LIB_MAJOR", "TOML_LIB_MINOR", "TOML_LIB_PATCH"))


def library_of(soname):
    return next((entry for entry in LIBRARIES if re.match(entry[1], soname)), None)


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-dW", path))


def debian_package(soname):
    """pkg:deb/... of the file that the loader takes for a soname, where Debian's packages know it."""
    match = re.search(rf"^\s*{re.escape(soname)} .* => (\S+)$", run("/sbin/ldconfig", "-p"), re.M)
    if not match:
        return None
    path = os.path.realpath(match.group(1))
    owner = run("dpkg-query", "-S", path) or run("dpkg-query", "-S", re.sub("^/usr", "", path))
    if not owner:
        return None
    package = owner.split(":")[0]
    version = run("dpkg-query", "-W", "-f", "${Version} ${Architecture}", package).split()
    return f"pkg:deb/{distribution()}/{package}@{version[0].replace('+', '%2B').replace(':', '%3A')}?arch={version[1]}" if len(version) == 2 else None


def setting(build, name):
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as file:
        match = re.search(rf"^{name}:[A-Z]+=(.*)$", file.read(), re.M)
    return match.group(1) if match else ""


def component(name, version, licence, how, sonames=(), purl=None, hashes=()):
    made = {"type": "library", "bom-ref": purl or f"{name}@{version}", "name": name}
    if version:
        made["version"] = version
    made["licenses"] = [{"expression": licence}]
    if hashes:
        made["hashes"] = list(hashes)
    if purl:
        made["purl"] = purl
    made["properties"] = [{"name": "recryst:use", "value": how}] + [{"name": "recryst:soname", "value": s} for s in sonames]
    return made


def page_components(build):
    """The libraries inside the page of `recryst report`, if that was built."""
    page = os.path.join(build, "report-page.html")
    if not os.path.isfile(page) or os.path.getsize(page) == 0:
        return []
    with open(os.path.join(ROOT, "web", "package-lock.json"), encoding="utf-8") as file:
        packages = json.load(file)["packages"]
    made = []
    for path, entry in sorted(packages.items()):
        if not path or entry.get("dev"):
            continue
        name = path.split("node_modules/")[-1]
        kind, _, value = entry["integrity"].partition("-")
        digest = __import__("base64").b64decode(value).hex()
        made.append(component(name, entry["version"], entry["license"].strip("()"), "in the page of recryst report",
                              purl=f"pkg:npm/{name.replace('@', '%40')}@{entry['version']}", hashes=[{"alg": {"sha512": "SHA-512"}[kind], "content": digest}]))
    return made


def components(build, files):
    """(list of components, list of sonames that nothing here knows)"""
    linked, loaded, unknown = {}, {}, []
    for file in files:
        for soname in needed(file):
            entry = library_of(soname)
            if entry is None:
                unknown.append(soname)
            else:
                linked.setdefault(entry[0], set()).add(soname)
    # What is loaded when it is needed is asked for by a name that stands in the program.
    with open(files[0], "rb") as file:
        names = re.findall(rb"(?<=\0)lib[A-Za-z0-9_+-]+\.so\.[0-9]+(?=\0)", file.read())
    for soname in (name.decode() for name in names):
        entry = library_of(soname)
        if entry is None:
            unknown.append(soname)
        elif entry[0] not in linked:
            loaded.setdefault(entry[0], soname)
    made = []
    for name, _, licence, version in LIBRARIES:
        if name in linked:
            sonames = sorted(linked[name])
            made.append(component(name, version(sonames[0]), licence, "linked", sonames, debian_package(sonames[0])))
        elif name in loaded:
            made.append(component(name, version(loaded[name]), licence, "loaded when needed", [loaded[name]], debian_package(loaded[name])))
        elif name in ("libgcc", "libstdc++"):
            made.append(component(name, version(None), licence, "linked statically"))
    name, licence, version = TOML
    made.append(component(name, version(None), licence, "compiled in (headers alone)"))
    return made + page_components(build), sorted(set(unknown))


def document(build, files):
    with open(os.path.join(ROOT, "include", "recryst.h"), encoding="utf-8") as file:
        version = re.search(r'RCR_VERSION "([^"]+)"', file.read()).group(1)
    parts, unknown = components(build, files)
    digests = {}
    for path in files:
        with open(path, "rb") as file:
            digests[os.path.basename(path)] = hashlib.sha256(file.read()).hexdigest()
    compiler = run(setting(build, "CMAKE_C_COMPILER") or "cc", "--version").splitlines()[:1]
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([version, digests, parts], sort_keys=True))),
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"recryst@{version}",
                "name": "recryst",
                "version": version,
                "licenses": [{"expression": "MIT"}],
                "properties": [{"name": f"recryst:sha256:{name}", "value": digest} for name, digest in sorted(digests.items())]
                + [{"name": "recryst:compiler", "value": line} for line in compiler],
            }
        },
        "components": parts,
        "dependencies": [{"ref": f"recryst@{version}", "dependsOn": [part["bom-ref"] for part in parts]}],
    }
    if "SOURCE_DATE_EPOCH" in os.environ:
        when = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
        bom["metadata"]["timestamp"] = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return bom, unknown


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    files = [os.path.join(arguments.build, name) for name in ("recryst", "librecryst.so")]
    for path in files:
        if not os.path.isfile(path):
            sys.exit(f"sbom: {path} is not built")
    bom, unknown = document(arguments.build, files)
    wrong = [f"{soname} is linked, and tools/sbom.py does not know it" for soname in unknown]
    with open(os.path.join(ROOT, "docs", "dependencies.md"), encoding="utf-8") as file:
        text = file.read()
    for part in bom["components"]:
        if "version" not in part and part["properties"][0]["value"] != "loaded when needed":
            wrong.append(f"{part['name']}: its version can't be found out")
        if part["name"] not in text:
            wrong.append(f"{part['name']} is part of what is built, and docs/dependencies.md does not name it")
    if wrong:
        sys.exit("\n".join("sbom: " + line for line in wrong))
    if arguments.check:
        for part in bom["components"]:
            print(f"{part['name']} {part.get('version', '?')}, {part['licenses'][0]['expression']}: {part['properties'][0]['value']}")
    else:
        json.dump(bom, sys.stdout, indent=1)
        print()


main()
