#!/usr/bin/env bash
# The bill of materials names exactly what is linked, with versions and licences, and docs/dependencies.md names it too.
set -u
grep -q '^RECRYST_SANITIZE:STRING=$' "$RECRYST_BUILD/CMakeCache.txt" && grep -q '^RECRYST_COVERAGE:BOOL=OFF' "$RECRYST_BUILD/CMakeCache.txt" || {
    echo "SKIPPED: a build with sanitizers or for coverage links their libraries"
    exit 77
}
for program in python3 readelf; do
    command -v $program >/dev/null || {
        [ "${CI-}" = true ] && echo "$program is missing (tools/setup.sh --dev)" && exit 1
        echo "SKIPPED: no $program"
        exit 77
    }
done
cd "$RECRYST_SOURCE" || exit 1
export PYTHONDONTWRITEBYTECODE=1
python3 tools/sbom.py "$RECRYST_BUILD" --check || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 tools/sbom.py "$RECRYST_BUILD" >"$dir/one" && python3 tools/sbom.py "$RECRYST_BUILD" >"$dir/two" || exit 1
cmp "$dir/one" "$dir/two" || exit 1
# Another reading of the same two things: every library that the loader would look for stands in it, and no other is said to be linked.
{ readelf -dW "$RECRYST" && readelf -dW "$RECRYST_BUILD/librecryst.so"; } | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | sort -u >"$dir/needed"
python3 - "$dir/one" <<'END' | sort -u >"$dir/listed" || exit 1
import json, sys
bom = json.load(open(sys.argv[1]))
assert bom["bomFormat"] == "CycloneDX" and bom["specVersion"] == "1.5" and bom["components"]
for part in bom["components"]:
    # What is loaded when it is needed may be absent here.
    assert part["name"] and part["licenses"][0]["expression"], part
    assert part.get("version") or part["properties"][0]["value"] == "loaded when needed", part
    if part["properties"][0]["value"] == "linked":
        for entry in part["properties"][1:]:
            print(entry["value"])
refs = [part["bom-ref"] for part in bom["components"]]
assert len(set(refs)) == len(refs), refs
assert bom["dependencies"][0]["dependsOn"] == refs
END
[ -s "$dir/needed" ] && diff "$dir/needed" "$dir/listed" || exit 1
# The packages are those of the system that they are installed on.
id=$(sed -n 's/^ID="\{0,1\}\([a-z0-9._-]*\).*/\1/p' /etc/os-release 2>/dev/null)
if grep -qF 'pkg:deb/' "$dir/one" && [ -n "$id" ]; then
    ! grep -oE '"pkg:deb/[^/]*/' "$dir/one" | grep -vxF "\"pkg:deb/$id/" || exit 1
fi
# The library that is asked for its version is the one that is linked, whatever number its soname has (Debian 13: libsymspg.so.2).
mkdir "$dir/build"
cp "$RECRYST_BUILD/CMakeCache.txt" "$dir/build"
printf 'int spg_get_%s_version(void) { return %d; }\n' major 97 minor 98 micro 99 >"$dir/spg.c"
echo 'extern int spg_get_major_version(void); int main(void) { return spg_get_major_version(); }' >"$dir/main.c"
cc=${CC:-cc}
"$cc" -shared -fPIC -Wl,-soname,libsymspg.so.77 "$dir/spg.c" -o "$dir/libsymspg.so.77" || exit 1
"$cc" "$dir/main.c" "$dir/libsymspg.so.77" -o "$dir/build/recryst" || exit 1
"$cc" -shared -fPIC "$dir/main.c" "$dir/libsymspg.so.77" -o "$dir/build/librecryst.so" || exit 1
LD_LIBRARY_PATH=$dir python3 tools/sbom.py "$dir/build" --check | grep -F "spglib 97.98.99" || {
    echo "the version of spglib is not that of the library that is linked"
    exit 1
}
