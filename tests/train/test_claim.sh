#!/usr/bin/env bash
# Whose a run directory is: runs that begin together have one each, nobody works in another's, and no file of somebody is lost.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
frames 80 "$work/small.extxyz"
cd "$work"
small="--target formation_energy --batch-size 16 --atom-features 8 --hidden 8 --steps 1 --threads 1"

# Runs that begin together.
pids=
for seed in 1 2 3 4 5 6; do
    "$RECRYST" train small.extxyz $small --epochs 2 --seed $seed --quiet >"out-$seed" 2>&1 &
    pids="$pids $!"
done
for pid in $pids; do wait "$pid" || fail "a run that began with others: $(cat out-*)"; done
same "$(ls runs | tr '\n' ' ')" "$(for n in 1 2 3 4 5 6; do printf 'small-sr-cgcnn-%d ' $n; done)" "automatic directories"
same "$(cat runs/*/config.toml | grep '^seed = ' | sort -u | wc -l)" 6 "runs of them"
same "$(ls -A runs/small-sr-cgcnn-1 | grep -c '^\.')" 0 "hidden files of a finished run"

# A run at work: neither another one nor a resume works in its directory; of an ensemble neither in those of its networks.
begin() { # DIRECTORY FILE OPTIONS...: in the background, until there is a checkpoint
    local directory=$1 file=$2
    shift 2
    "$RECRYST" train small.extxyz $small --out "$directory" "$@" --quiet >out 2>err &
    pid=$!
    for _ in $(seq 600); do
        [ -s "$directory/$file" ] && return 0
        sleep 0.02
    done
    fail "no $directory/$file"
}
begin busy last.ckpt --epochs 200000
run 2 train --resume busy
err_has "another process works on this run"
run 2 train small.extxyz $small --out busy
err_has "holds a run already"
kill -KILL $pid
wait $pid 2>/dev/null || true
[ -e busy/.lock ] || fail "the lock of a killed run"
touch -r busy/last.ckpt before
"$RECRYST" train --resume busy --quiet >out 2>err & # a lock that was left behind holds nobody up
pid=$!
for _ in $(seq 1000); do
    [ busy/last.ckpt -nt before ] && break
    kill -0 $pid 2>/dev/null || fail "the killed run does not go on: $(cat err)"
    sleep 0.02
done
kill -TERM $pid
wait $pid || [ $? -eq 3 ] || fail "the run that went on"
[ ! -e busy/.lock ] || fail "a run that was stopped left its lock"
begin several member-1/last.ckpt --epochs 200000 --ensemble 2
run 2 train --resume several
err_has "another process works on this run"
run 2 train --resume several/member-1
err_has "another process works on this run"
kill -TERM $pid
wait $pid || [ $? -eq 3 ] || fail "the ensemble"

# A directory with files that a run would replace, and no run: the settings that are read, somebody's table.
mkdir mine others
printf 'data = "../small.extxyz"\nepochs = 1\n' >mine/config.toml
cp mine/config.toml kept
run 2 train --config mine/config.toml $small --out mine
err_has "a file config.toml, which the run would replace"
run 2 train --config mine/config.toml $small --out mine # and it does not become the run's by that
err_has "a file config.toml"
same "$(ls -A mine)" config.toml "files of the directory"
cmp -s kept mine/config.toml || fail "config.toml was replaced"
run 2 train --config mine/config.toml $small --ensemble 2 --out mine
err_has "a file config.toml"
echo notes >others/notes.txt
run 0 train small.extxyz $small --epochs 1 --out others --quiet
[ -s others/notes.txt ] || fail "notes.txt is lost"

# What a run that never began left is no hindrance: a name may be given again.
run 1 train small.extxyz $small --transform log --out again
[ -s again/errors.csv ] || fail "nothing is left of a run whose targets do not fit"
run 0 train small.extxyz $small --epochs 1 --out again --quiet
same "$(ls -A again | grep -c '^\.')" 0 "hidden files of the run that took its place"
