#!/usr/bin/env bash
# The page of `recryst report`, in headless Chromium: no error on the console, no request, plots, pointer, keys, dark mode, 390 pixels.
set -u
skip() {
    echo "SKIPPED: $1"
    exit 77
}
# With CI=true the tools must be there; the libraries come from npm's registry, which may be out of reach.
for tool in node npm chromium; do
    command -v "$tool" >/dev/null && continue
    [ "${CI-}" = true ] && echo "$tool is missing (tools/setup.sh --report-tests)" && exit 1
    skip "$tool is not installed (tools/setup.sh --report-tests)"
done
[ -s "$RECRYST_BUILD/report-page.html" ] || skip "the page was not built: $(tail -n 1 "$RECRYST_BUILD/web/build.log" 2>/dev/null)"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
fail() {
    echo "$1"
    exit 1
}
data=$RECRYST_SOURCE/data/demo/alloys.tar.zst
"$RECRYST" train "$data" --target formation_energy --unit eV/atom --steps 3 --epochs 3 --quiet --out run >/dev/null || fail "train"
"$RECRYST" report run --quiet || fail "report"
grep -q '</html>' run/report.html || fail "the page is cut off"
# Ids of any bytes, and what would end the element that holds the data.
cp -r run odd
sed -i '2s/^[^,]*/"<\/script><b onclick=""x"">\xff\&amp;"/' odd/predictions-test.csv
# Half of the crystals are unknown.
sed -i '2~2d' odd/crystals.csv
"$RECRYST" report odd --quiet --no-data || fail "report of odd ids"
# Class 1: above the median.
python3 - "$RECRYST_SOURCE/data/demo/alloys.extxyz" >classes.extxyz <<'PY' || skip "no python3"
import re, sys
for line in open(sys.argv[1]):
    print(re.sub(r"formation_energy=(\S+)", lambda m: "high=%d" % (float(m[1]) > 0.03), line), end="")
PY
"$RECRYST" train classes.extxyz --target high --task classification --epochs 3 --quiet --out classes >/dev/null || fail "train classes"
"$RECRYST" report classes --quiet || fail "report of classes"

# Energies that all lie near one large number.
python3 - "$RECRYST_SOURCE/data/demo/alloys.extxyz" >far.extxyz <<'PY'
import re, sys
for line in open(sys.argv[1]):
    print(re.sub(r"formation_energy=(\S+)", lambda m: "energy=%.5f" % (float(m[1]) / 2 - 1234567), line), end="")
PY
"$RECRYST" train far.extxyz --target energy --unit eV --epochs 3 --quiet --out far >/dev/null || fail "train far"
"$RECRYST" report far --quiet || fail "report of energies far from 0"
# Two targets, of which one is missing in some rows.
python3 - "$RECRYST_SOURCE/data/demo/alloys.extxyz" >two.extxyz <<'PY'
import re, sys
n = 0
for line in open(sys.argv[1]):
    n += line.startswith("Lattice")
    print(re.sub(r"formation_energy=(\S+)", lambda m: "b=%s" % m[1] + (" a=%s" % m[1] if n % 5 < 3 else ""), line), end="")
PY
"$RECRYST" train two.extxyz --target a,b --unit eV,GPa --steps 2 --epochs 2 --quiet --out two >/dev/null || fail "train two targets"
# More values of its curves than a call takes arguments.
lengthen() { tail -n 1 "$1" | awk -v n="$2" '{ for (i = 0; i < n; i++) print }' >>"$1"; }
lengthen two/metrics.csv 70000
"$RECRYST" report two --quiet || fail "report of two targets"

cat >study.toml <<END
seeds = 2
baseline = "steps=2"
[base]
data = "$data"
target = "formation_energy"
unit = "eV/atom"
epochs = 2
[grid]
steps = [1, 2, 3]
END
# As it is before the first run is done, and with runs that fail alone.
"$RECRYST" study study.toml --tables --quiet --out waiting >/dev/null || fail "tables of a study"
"$RECRYST" report waiting --quiet || fail "report of a study that waits"
sed 's/^target = .*/target = "nothing"/' study.toml >failed.toml
"$RECRYST" study failed.toml --quiet --out failed >/dev/null 2>&1
"$RECRYST" report failed --quiet || fail "report of a study that failed"
"$RECRYST" study study.toml --quiet --out study >/dev/null || fail "study"
"$RECRYST" report study --quiet || fail "report of a study"
cp -r study long
lengthen "$(find long -name metrics.csv | head -n 1)" 140000
"$RECRYST" report long --quiet || fail "report of a study of many epochs"
"$RECRYST" study study.toml --quiet --out taken --take study/study.csv >/dev/null || fail "study that is taken"
"$RECRYST" report taken --quiet || fail "report of a study that is taken"

status=0
for page in "run regression" "odd odd short" "far regression short" "two several short" "classes classification short" "study study short" "long study short" "taken taken short" \
    "waiting waiting short" "failed failed short"; do
    set -- $page
    timeout 200 node "$RECRYST_SOURCE/tests/report/page.mjs" chromium "$1/report.html" "$2" ${3-} || status=1
done
exit $status
