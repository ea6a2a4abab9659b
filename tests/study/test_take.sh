#!/usr/bin/env bash
# Studies in parts and on several machines: which runs come first, who trains what, and runs taken from another's table, which must
# be the right ones and give the same tables as where they were trained.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
. "$RECRYST_SOURCE/tests/study/tables.sh"
mkdir "$work/there"
frames 60 "$work/there/small.extxyz"
cat >"$work/there/tiny.toml" <<'END'
seeds = [4, 9]
folds = 2
[base]
data = "small.extxyz"
target = "formation_energy"
unit = "eV/atom"
epochs = 2
atom-features = 8
hidden = 8
[[setting]]
name = "one step, plain"
steps = 1
[[setting]]
name = "two steps"
steps = 2
[[setting]]
name = "gate"
gate = true
END
cd "$work"
same_files() { cmp -s "$1" "$2" || fail "$1 and $2 differ: $(diff "$1" "$2" | head -5)"; }
count() { grep -c -- "$1" "$2" || true; }

# All settings with the first seed and fold, then with the next; the table's rows stand by settings.
run 0 study there/tiny.toml --out whole --jobs 1
same "$(sed -n 's/^[0-9]*\/12  \(.*\): test_mae.*/\1/p' err | head -7 | tr '\n' ';')" \
    "one step, plain, seed 4, fold 0;two steps, seed 4, fold 0;gate, seed 4, fold 0;one step, plain, seed 4, fold 1;two steps, seed 4, fold 1;gate, seed 4, fold 1;one step, plain, seed 9, fold 0;" \
    "order of execution"
same "$(grep -n '^runs/two_steps/seed-4-fold-0,' whole/study.csv | cut -d: -f1)" 6 "the row of the second setting's first run"
same "$(head -1 whole/study.csv | sed 's/.*,seconds,//')" "target_used,unit_used,kernels_used,program,data_sha256,elements_sha256,key" "last columns"
same "$(sed 1d whole/study.csv | sed 's/.*,//' | sort -u | wc -l)" 12 "different keys"
same "$(sed 1d whole/study.csv | sed 's/.*,//' | grep -cE '^[0-9a-f]{32}$')" 12 "keys"
grep -q "$(sed -n 's/.*"data_sha256": "\(.*\)".*/\1/p' whole/runs/gate/seed-4-fold-0/run_summary.json)" whole/study.csv || fail "the data's hash is not the run's"

# Two machines.
run 0 study there/tiny.toml --out one --part 1/2 --dry-run
out_has "12 runs: 0 done, 12 waiting; 6 to be trained here"
same "$(count '^waiting  here ' out) $(count '^waiting  other ' out)" "6 6" "where runs are to be trained"
[ ! -e one ] || fail "a dry run wrote something"
run 0 study there/tiny.toml --out one --part 1/2
err_has "6 runs are left to others; --take their study.csv brings all together"
err_has "12 runs, 6 to do here"
out_has "6 of 12 runs done"
run 0 study there/tiny.toml --out two --part 2/2 --quiet
same "$(count ',done,' one/study.csv) $(count ',waiting,' one/study.csv)" "6 6" "runs of the first part"
same "$(cat one/study.csv two/study.csv | grep ',done,' | cut -d, -f1-2 | sort -u | wc -l)" 12 "runs of both parts"
for name in one_step,_plain two_steps gate; do
    for part in one two; do ls "$part/runs/$name" >/dev/null 2>&1 || fail "part $part has nothing of $name"; done
done
run 0 study there/tiny.toml --out both --take one/study.csv --take two/study.csv
err_has "one/study.csv: 6 runs taken"
err_has "12 runs, 0 to do"
[ ! -e both/runs ] || fail "a run that was taken was trained"
without both/study.csv taken seconds >a
without whole/study.csv taken seconds >b
same_files a b
same "$(count ',done,,one/study.csv,' both/study.csv)" 6 "runs that say where they are from"
run 0 study there/tiny.toml --out both --dry-run --take one/study.csv --take two/study.csv
out_has "12 runs: 12 done (12 of them taken), 0 waiting; 0 to be trained here"
out_has "(two/study.csv, line "

# Weights of rows are of the data: with them rows are taken as well, beside others without.
awk '/formation_energy/ { sub(/pbc=/, "w=" 1 + NR % 3 " pbc=") } { print }' there/small.extxyz >there/weighted.extxyz
sed 's/small/weighted/; s/^seeds = .*/seeds = [4]/' there/tiny.toml | awk '/^name = "gate"/ { print; print "weights = \"w\""; next } { print }' >there/weighted.toml
run 0 study there/weighted.toml --out weighted-one --part 1/2 --quiet
run 0 study there/weighted.toml --out weighted-two --take weighted-one/study.csv --quiet
run 0 study there/weighted.toml --out weighted-whole --quiet
without weighted-two/study.csv taken seconds >a
without weighted-whole/study.csv taken seconds >b
same_files a b
for _ in 1 2; do run 0 study there/weighted.toml --out weighted-whole --keep weighted.csv; done
same "$(count ',done,' weighted.csv)" 6 "kept runs of weighted rows"

# Nothing is lost by being taken: the tables are those of the folder in which the runs lie.
run 0 study there/tiny.toml --out copy --take whole/study.csv --tables
for file in summary.csv differences.csv summary.txt; do same_files whole/$file copy/$file; done
sed 's/"taken": 12/"taken": 0/; s/"name": "tiny"/&/' copy/summary.json >a
same_files a whole/summary.json
without copy/study.csv taken >a
without whole/study.csv taken >b
same_files a b
# A table of taken rows serves as well as the first one.
run 0 study there/tiny.toml --out again --take copy/study.csv --tables
for file in summary.csv differences.csv; do same_files whole/$file again/$file; done

# The rest is trained beside what was taken, and comes out the same.
run 0 study there/tiny.toml --out rest --take two/study.csv --quiet
same "$(ls -d rest/runs/*/* | wc -l)" 6 "runs that were trained"
without rest/study.csv taken seconds >a
without whole/study.csv taken seconds >b
same_files a b
# Runs that are here already are none the worse for a table that has them, too.
run 0 study there/tiny.toml --out rest --take two/study.csv --take whole/study.csv
err_has "whole/study.csv: 0 runs taken, 12 there already"

# From the study's file: a table that is not there yet is no error; on the command line it is.
{ echo 'take = ["results/tiny.csv", "results/other.csv"]' && cat there/tiny.toml; } >there/taking.toml
run 0 study there/taking.toml --out f --dry-run
out_has "12 runs: 0 done, 12 waiting"
mkdir there/results
run 0 study there/tiny.toml --out one --keep there/results/tiny.csv
out_has "there/results/tiny.csv: 6 of 12 runs"
same "$(wc -l <there/results/tiny.csv)" 7 "rows that were kept"
run 0 study there/taking.toml --out f --dry-run
out_has "12 runs: 6 done (6 of them taken), 6 waiting; 6 to be trained here"
out_has "there/results/tiny.csv, line 2"
run 1 study there/tiny.toml --out f --take nowhere.csv --dry-run
err_has "nowhere.csv"
# What is kept is added to, also while another process works on the study.
(
    flock 9
    run 0 study there/tiny.toml --out two --keep there/results/tiny.csv
) 9>two/.lock
same "$(wc -l <there/results/tiny.csv)" 13 "rows that were kept of both"
run 0 study there/taking.toml --out f --quiet
[ ! -e f/runs ] || fail "a run that was kept was trained again"
for file in a b; do [ $file = a ] && set -- f || set -- both; without $1/study.csv taken >$file; done
same_files a b

# The key decides, whatever the setting is called and whatever else the other study has.
sed 's/name = "gate"/name = "a gate"/; s/^seeds.*/seeds = [9, 11]/' there/tiny.toml >there/renamed.toml
run 0 study there/renamed.toml --out renamed --take whole/study.csv --dry-run
err_has "whole/study.csv: 6 runs taken, 6 of no run of this study"
same "$(count '^taken .*a_gate/seed-9' out) $(count '^waiting .*seed-11' out)" "2 6" "runs of the renamed study"
run 1 study there/renamed.toml --out renamed --keep whole/study.csv
err_has "6 of its rows belong to no run of this study and would be lost"

# One setting alone.
run 0 study there/tiny.toml --out only --only gate --only "two steps" --quiet
same "$(ls only/runs | tr '\n' ' ')" "gate two_steps " "settings that were trained"
same "$(count ',waiting,' only/study.csv)" 4 "runs that wait"
run 2 study there/tiny.toml --out only --only gat
err_has "no setting is called 'gat'"
for part in 0/2 3/2 2 1/ /2 1/2/3 a/b; do
    run 2 study there/tiny.toml --out never --part $part
    err_has "--part takes which part and how many there are"
done

# What does not belong is refused with its line.
refused() { # TABLE MESSAGE
    run 1 study there/tiny.toml --out refusal --take "$1" --quiet
    err_has "$2"
    [ ! -e refusal/runs ] || fail "something was trained beside a table that is refused"
}
line() { grep -n "^runs/$1" whole/study.csv | cut -d: -f1; }
sed 's/epochs = 2/epochs = 1/' there/tiny.toml >there/shorter.toml
run 0 study there/shorter.toml --out shorter --quiet
refused shorter/study.csv "shorter/study.csv:2: this row of 'one step, plain' with seed 4 is of a run with other options than the study now gives it"
sed 's/energy=/energy=1/' there/small.extxyz >there/small.other
mkdir other
cp there/small.other other/small.extxyz
cp there/tiny.toml other
run 0 study other/tiny.toml --out elsewhere --only gate --quiet
run 0 study there/tiny.toml --out refusal --take elsewhere/study.csv --dry-run # they may be the right data, for all that is known
refused elsewhere/study.csv "are not those of this row's run"
run 1 study there/tiny.toml --out one --take elsewhere/study.csv --dry-run
err_has "elsewhere/study.csv:$(line gate/seed-4-fold-0): this row is of a run on other data than one/runs/"
cat elsewhere/study.csv >mixed.csv
sed 1d one/study.csv >>mixed.csv
run 1 study there/tiny.toml --out refusal --take mixed.csv --dry-run
err_has "this row is of a run on other data than line $(line gate/seed-4-fold-0) of mixed.csv"
# Scores that contradict those that are known.
{ head -1 whole/study.csv && sed -n 2p whole/study.csv | awk 'BEGIN { FS = OFS = "," } { for (i = 1; i <= NF; i++) if ($i ~ /^0\.[0-9]+$/) { $i = "0.125"; break } print }'; } >false.csv
run 1 study there/tiny.toml --out whole --take false.csv --dry-run
err_has "false.csv:2: this row has test_mae"
err_has "where the same run in whole/runs/one_step,_plain/seed-4-fold-0 has"
run 1 study there/tiny.toml --out refusal --take whole/study.csv --take false.csv --dry-run
err_has "where the same run in line 2 of whole/study.csv has"
# Tables that are none.
: >empty.csv
refused empty.csv "empty.csv: this is no table of a study: it is empty"
refused there/small.extxyz "small.extxyz:1: this is no study.csv"
sed 's/,[^,]*$//' whole/study.csv >old.csv
refused old.csv "old.csv:1: the table has no column 'key', as it was written by an older version; where its runs are, write it anew: recryst study FILE --tables"
sed '3s/,[^,]*$//' whole/study.csv >short.csv
refused short.csv "short.csv:3: the row has another number of fields"
sed '3s/.$/x/' whole/study.csv >nokey.csv
refused nokey.csv "nokey.csv:3: the key and hashes of this row are none"
sed '4s/\(,done,,,\)[^,]*/\1much/' whole/study.csv >much.csv
refused much.csv "much.csv:4: test_mae is 'much', which is no number"
sed '4s/\(,done,,,\)[^,]*/\1inf/' whole/study.csv >inf.csv
refused inf.csv "inf.csv:4: test_mae is 'inf', which is no number"
printf '%s\n' 'take = "x.csv"' '[base]' 'data = "small.extxyz"' >there/wrong.toml
run 2 study there/wrong.toml --out never
err_has "wrong.toml:1: take takes an array of texts in quotes"
printf '%s\n' 'take = [1]' '[base]' 'data = "small.extxyz"' >there/wrong.toml
run 2 study there/wrong.toml --out never
err_has "wrong.toml:1: take takes names of tables in quotes"

# Settings with nothing but the data between them have the same keys: the name decides, and a row of neither is refused.
cp there/small.extxyz there/same.extxyz
printf '%s\n' '[base]' 'target = "formation_energy"' 'epochs = 1' 'atom-features = 8' 'hidden = 8' \
    '[[setting]]' 'name = "A"' 'data = "small.extxyz"' '[[setting]]' 'name = "B"' 'data = "same.extxyz"' >there/pair.toml
run 0 study there/pair.toml --out pair --quiet
run 0 study there/pair.toml --out pairs --take pair/study.csv --dry-run
err_has "pair/study.csv: 2 runs taken"
sed 's/,A,/,C,/' pair/study.csv >stray.csv
run 1 study there/pair.toml --out pairs --take stray.csv --dry-run
err_has "stray.csv:2: several settings of this study differ by nothing but their data, and none is called 'C'"

# A run that begins with a model is known by the model, wherever that lies, and goes on after a stop.
printf '%s\n' 'seeds = 2' '[base]' 'data = "small.extxyz"' 'target = "formation_energy"' 'epochs = 1' \
    '[[setting]]' 'name = "tuned"' 'init = "../whole/runs/two_steps/seed-4-fold-0"' >there/tuned.toml
run 0 study there/tuned.toml --out tuned --quiet
run 0 study there/tuned.toml --out tuned
err_has "2 runs, 0 to do"
mkdir moved
cp whole/runs/two_steps/seed-4-fold-0/model.safetensors moved
sed 's|\.\./whole/.*fold-0|../moved/model.safetensors|' there/tuned.toml >there/moved.toml
run 0 study there/moved.toml --out moved/study --take tuned/study.csv --dry-run
out_has "2 done (2 of them taken)"
cp whole/runs/two_steps/seed-9-fold-0/model.safetensors moved
run 1 study there/moved.toml --out moved/study --take tuned/study.csv --dry-run
err_has "is of a run with other options"
# So is a split's file.
echo id,part >there/split.csv
awk -F, 'NR > 1 { print $1 "," (NR % 3 ? "train" : NR % 2 ? "val" : "test") }' \
    whole/runs/gate/seed-4-fold-0/predictions-train.csv >>there/split.csv
printf '%s\n' '[base]' 'data = "small.extxyz"' 'target = "formation_energy"' 'epochs = 1' 'split = "split.csv"' >there/split.toml
run 0 study there/split.toml --out split --quiet
cp there/split.csv good.csv
sed -i '2d' there/split.csv # the run is no longer what the study says, though no option tells
run 2 study there/split.toml --out split
err_has "split/runs/base/seed-123: holds a run that began when its split's file, or the model that it begins with, had other contents"
mv there/split.csv kept.csv # the run tells which one it was
cp split/study.csv before.csv
run 0 study there/split.toml --out split --tables
same_files split/study.csv before.csv
rm split/runs/base/seed-123/study-key.txt # as of a run that an earlier version began
run 0 study there/split.toml --out split --tables
cp split/study.csv keyless.csv
mv good.csv there/split.csv
run 1 study there/split.toml --out split3 --take keyless.csv --dry-run
err_has "keyless.csv:2: this row of 'base' with seed 123 has no key"
run 0 study there/split.toml --out split --tables
same_files split/study.csv before.csv
mkdir there/deep
cp there/split.csv there/deep
sed 's|"small|"../small|' there/split.toml >there/deep/split.toml
run 0 study there/deep/split.toml --out split2 --take split/study.csv --dry-run
out_has "1 done (1 of them taken)"
sed -i '2d' there/deep/split.csv
run 1 study there/deep/split.toml --out split2 --take split/study.csv --dry-run
err_has "is of a run with other options"

rm there/deep/split.csv
run 1 study there/deep/split.toml --out split2 --take split/study.csv --dry-run
err_has "can't be told: the split's file, or the model that it begins with, can't be read here"

# Several targets, ensembles and classes as well; a run that failed is not taken.
sed 's/formation_energy=[-0-9.e]*/high=0/' there/small.extxyz | awk '/high=0/ && n++ % 2 { sub(/high=0/, "high=1") } { print }' >there/classes.extxyz
awk '/energy=/ { sub(/formation_energy=/, "grain_size=1." n++ % 10 " formation_energy=") } { print }' there/small.extxyz >there/two.extxyz
for kind in 'target = "formation_energy,grain_size"' 'ensemble = 2' 'task = "classification"' 'optimizer = "sgd"'; do
    printf '%s\n' 'seeds = 2' '[base]' 'data = "small.extxyz"' 'target = "formation_energy"' 'epochs = 2' 'atom-features = 8' 'hidden = 8' \
        '[[setting]]' 'name = "x"' "$kind" '[[setting]]' 'name = "y"' "$kind" 'steps = 2' >there/kind.toml
    code=0
    case $kind in
    target*) sed -i '/^target = "formation_energy"/d; s/small.extxyz/two.extxyz/' there/kind.toml ;;
    task*) sed -i 's/small.extxyz/classes.extxyz/; s/formation_energy/high/' there/kind.toml ;;
    ensemble*) sed -i 's/^seeds = 2/seeds = [1, 3]/' there/kind.toml ;; # 1 and 2 would share a network
    optimizer*) sed -i 's/^steps = 2/lr = 1000/; s/^epochs.*/epochs = 20/; s/^hidden/batch-size = 16\nhidden/' there/kind.toml && code=1 ;;
    esac
    rm -rf kind kinds
    run $code study there/kind.toml --out kind --quiet
    run 0 study there/kind.toml --out kinds --take kind/study.csv --tables
    for file in summary.csv differences.csv; do same_files kind/$file kinds/$file; done
    [ $code = 1 ] || same_files kind/summary.txt kinds/summary.txt
    case $kind in target*) head -1 kinds/study.csv | grep -q ",test_mae_grain_size," || fail "the scores of a target are left out" ;; esac
    same "$(count ',done,' kinds/study.csv) $(count ',waiting,' kinds/study.csv)" "$([ $code = 1 ] && echo 2 2 || echo 4 0)" "runs that were taken of $kind"
done

# The report tells of runs that have no curves here.
if [ -s "$RECRYST_BUILD/report-page.html" ]; then
    run 0 report copy --quiet
    grep -q '"taken":"whole/study.csv"' copy/report.html || fail "the report does not say that runs were taken"
fi
run 0 report copy --format svg --figure study --out copy.svg --quiet
same "$(grep -o '<circle' copy.svg | wc -l)" 15 "dots of runs and means"
# What is said after a stop is the whole command.
sed 's/epochs = 2/epochs = 20000/' there/tiny.toml >there/long.toml
set -m # so that the shell leaves SIGINT to it
"$RECRYST" study there/long.toml --out "my long" --part 1/2 >out 2>err </dev/null &
for _ in $(seq 300); do
    [ -e "my long/runs/gate" ] && break
    sleep 0.02
done
kill -INT $!
wait $! || true
set +m
err_has "go on with: recryst study --out 'my long' --part 1/2 there/long.toml"
