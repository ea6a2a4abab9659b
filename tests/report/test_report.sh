#!/usr/bin/env bash
# recryst report: figures, what it says without a run or a page, and what it keeps in the run's folder.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failed=0
check() { # what, condition...
    local what=$1
    shift
    "$@" && return
    echo "failed: $what"
    failed=1
}
data=$RECRYST_SOURCE/data/demo/alloys.tar.zst
cp "$data" data.tar.zst
"$RECRYST" train data.tar.zst --target formation_energy --unit eV/atom --steps 3 --epochs 2 --quiet --out run >/dev/null || exit 1
check "training keeps formulas" test "$(wc -l <run/crystals.csv)" -eq 1501
check "training keeps the worst structures" test "$(wc -l <run/worst-crystals.jsonl)" -eq 20
check "the command that repeats the run" grep -q '"repeat_command": "recryst train' run/run_summary.json

"$RECRYST" report run --format svg --out figures --quiet || exit 1
for name in learning loss parity residuals elements steps calibration; do
    check "$name.svg" grep -q '</svg>' "figures/$name.svg"
done
check "space groups of validation and test rows" test "$(awk -F, 'NR > 1 && $4 != ""' run/crystals.csv | wc -l)" -gt 200
check "steps of 150 rows" test "$(awk -F, '$2 == 3' run/steps.csv | wc -l)" -eq 150
# The last step's prediction is the run's own.
check "the last step" awk -F, 'NR == FNR { if (FNR > 1) want[$1] = $3; next }
    $2 == 3 { d = $3 - want[$1]; if (d < 0) d = -d; if (!($1 in want) || d > 1e-6) exit 1; n++ } END { exit n != 150 }' \
    run/predictions-test.csv run/steps.csv

# A page that looks them up itself, of a run that has lost them, finds the same steps.
cp -r run lost
cut -d, -f1,2,4 run/steps.csv | awk -F, '$2 + 0 > 1' | sort >want
rm lost/steps.csv
"$RECRYST" report lost --format svg --figure steps --quiet || exit 1
awk -F, '$2 + 0 > 1' lost/steps.csv | cut -d, -f1,2,4 | sort >found
check "changes from step to step, looked up again" awk -F, 'NR == FNR { want[$1, $2] = $3; next }
    { d = $3 - want[$1, $2]; if (d < 0) d = -d; if (!(($1, $2) in want) || d > 1e-5 * $3) exit 1; n++ } END { exit n != 300 }' want found

# The data may go once they were looked at.
rm data.tar.zst
"$RECRYST" report run --format svg --figure elements --out e.svg --quiet 2>note
check "no data needed" cmp -s e.svg figures/elements.svg
check "nothing said" test ! -s note
rm run/steps.csv
"$RECRYST" report run --format svg --figure parity --out p.svg >/dev/null 2>note
check "without data all else is there" cmp -s p.svg figures/parity.svg
check "and it says so" grep -q 'no such file' note
"$RECRYST" report run --format svg --figure steps --quiet 2>note
check "no steps: exit 1" test $? -eq 1
"$RECRYST" report run --format svg --figure steps --data "$data" --quiet
check "data elsewhere" test -s run/steps.svg

# Data that hold half of the rows take nothing away of what was known; data with other crystals of these ids are not taken.
cp run/crystals.csv known.csv
cp run/worst-crystals.jsonl known.jsonl
awk '/^[0-9]+$/ { n++ } n % 2' "$RECRYST_SOURCE/data/demo/alloys.extxyz" >half.extxyz
"$RECRYST" report run --format svg --figure parity --data half.extxyz >/dev/null 2>note
check "half of the data: exit 0" test $? -eq 0
check "half of the data: the other rows stay" cmp -s known.csv run/crystals.csv
check "half of the data: the structures stay" test "$(wc -l <run/worst-crystals.jsonl)" -eq "$(wc -l <known.jsonl)"
check "half of the data: said" grep -q "750 of the run's rows are not in these data" note
sed 's/^Cu /Ne /' "$RECRYST_SOURCE/data/demo/alloys.extxyz" >other.extxyz
"$RECRYST" report run --format svg --figure parity --data other.extxyz >/dev/null 2>note
check "other data: said" grep -q "these are other data than the run's" note
check "other data: nothing taken" cmp -s known.csv run/crystals.csv

# A graph store keeps no structures; the files that it was made from do.
"$RECRYST" prepare half.extxyz --out half.store --quiet >/dev/null || exit 1
"$RECRYST" train half.store --target formation_energy --steps 1 --epochs 1 --quiet --out stored >/dev/null || exit 1
"$RECRYST" report stored --format svg --figure parity >/dev/null 2>note
check "a run of a store: said" grep -q 'a graph store keeps no structures' note
"$RECRYST" report stored --format svg --figure elements --data half.extxyz --quiet >/dev/null
check "a run of a store, with its files" test -s stored/elements.svg

# Tables that are there and empty, as a disk that was full leaves them in other programs.
for table in predictions-train.csv predictions-val.csv predictions-test.csv metrics.csv errors.csv crystals.csv calibration.csv steps.csv; do
    rm -rf emptied && cp -r run emptied && : >"emptied/$table"
    "$RECRYST" report emptied --no-data --format svg --out emptied/figures --quiet 2>note
    check "an empty $table: an exit code" test $? -le 1
    if [ -s note ]; then check "an empty $table: said" grep -q "$table" note; fi
done

"$RECRYST" report nowhere --format svg 2>note
check "no run: exit 1" test $? -eq 1
"$RECRYST" report nowhere --format svg --figure study 2>note
check "no run, a study's figure: exit 1" test $? -eq 1
check "no run is called a run" test "$(grep -c 'it is a run' note)" -eq 0
"$RECRYST" report run --format svg --figure parity --dpi 100 --out dpi.svg 2>note
check "--dpi without png: exit 2" test $? -eq 2
check "--dpi without png: said" grep -q -e '--dpi goes with --format png' note
"$RECRYST" report run --format svg --figure nonsense 2>note
check "no such figure: exit 2" test $? -eq 2
"$RECRYST" report run --format svg --figure study --out s.svg 2>note
check "a study's figure of a run: exit 2" test $? -eq 2
check "a study's figure of a run: said" grep -q "it is a run, which has no figure 'study'" note
check "a study's figure of a run: none" test ! -e s.svg
"$RECRYST" report run --format svg --figure parity --out - --quiet >p2.svg
check "a figure on standard output" cmp -s p2.svg figures/parity.svg
"$RECRYST" report run --format svg --out - 2>note
check "all figures on standard output: exit 2" test $? -eq 2
# A Gaussian's likelihood falls below 0, which no logarithmic axis shows.
cp -r run below
awk -F, 'BEGIN { OFS = "," } NR == 3 { $3 = -0.5 } { print }' run/metrics.csv >below/metrics.csv
"$RECRYST" report below --format svg --figure loss --quiet
check "a loss below 0" grep -qF '>−0.5<' below/loss.svg
"$RECRYST" report run --figure parity 2>note
check "a figure of a page: exit 2" test $? -eq 2
"$RECRYST" report 2>note
check "nothing: exit 2" test $? -eq 2
"$RECRYST" report run --quiet 2>note
code=$?
if [ -s "$RECRYST_BUILD/report-page.html" ]; then
    check "the page" grep -q '"kind":"run"' run/report.html
else
    check "no page: exit 1" test $code -eq 1
    check "what is missing" grep -q 'make report' note
fi
exit $failed
