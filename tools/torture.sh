#!/usr/bin/env bash
# The long form of the tests that disturb the command (make torture): every call that writes fails or ends the process, hundreds of
# kills at random moments, every allocation and file call of the library fails in turn, 100,000 files.  Can be stopped and goes on;
# what is done is remembered in BUILD/torture.json for as long as the command is the same.
# usage: tools/torture.sh BUILD      JOBS: how many commands are disturbed beside each other (all cores)
set -eu
cd "$(dirname "$0")/.."
build=$(cd "$1" && pwd)
export RECRYST=$build/recryst RECRYST_SOURCE=$PWD RECRYST_BUILD=$build RECRYST_SHIM_LIBRARY=$build/tests/torture_shim.so
export RECRYST_TORTURE=1
status=0
now=$(sha256sum <"$RECRYST")
[ "$(cat "$build/torture.of" 2>/dev/null)" = "$now" ] || rm -f "$build/torture.json"
echo "$now" >"$build/torture.of"
echo "== the command, disturbed"
rm -f "$build/torture.md"
table=1
python3 tests/torture/torture.py --long --at-once "${JOBS:-$(nproc)}" --state "$build/torture.json" --table "$build/torture.md" || table= status=1
echo "== the library: every allocation and file call fails in turn"
for test in "$build"/tests/faults.*; do
    [ -x "$test" ] || continue
    echo "-- $(basename "$test")"
    (set -o pipefail && cd "$build/tests" && "$test" 2>&1 | grep -E '^[^[]*: [0-9]+ faults|FAILED|PASSED') || status=1
done
echo "== 100,000 files, a tenth of them bad"
python3 tests/torture/large.py 100000 || status=1
echo "== random crystals, told otherwise"
"$build/tests/model.same_answer" || status=1
echo "== another compiler"
RECRYST_FULL=1 bash tests/torture/test_compilers.sh || [ $? -eq 77 ] || status=1
echo "== built twice, in two folders"
bash tests/checks/test_repeatable.sh || [ $? -eq 77 ] || status=1
# The table goes into docs/testing.md, between its marks, where there is a whole one.
[ -n "$table" ] && [ -s "$build/torture.md" ] || exit 1
awk -v table="$build/torture.md" '
    /<!-- torture: begin -->/ { print; while ((getline line < table) > 0) print line; hidden = 1; next }
    /<!-- torture: end -->/ { hidden = 0 }
    !hidden' docs/testing.md >"$build/testing.md" && cat "$build/testing.md" >docs/testing.md
exit $status
