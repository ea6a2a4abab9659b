#!/usr/bin/env bash
# Help, versions, and command lines that make no sense.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"

run 0 --version
same "$(cat "$work/out")" "recryst $(sed -n 's/.*RCR_VERSION "\(.*\)"/\1/p' "$RECRYST_SOURCE/include/recryst.h")" version
run 0 --help
for command in train study prepare evaluate predict info embed import export fetch graph bench; do out_has "  $command "; done
run 0 help
out_has "exit codes"
run 2
err_has "no command given"
run 2 trian
err_has "recryst: error: unknown command 'trian'; did you mean 'train'?"
for command in $("$RECRYST" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    run 2 "${command}x"
    err_has "did you mean '$command'?"
done
for word in help --help -h; do
    run 0 help $word
    out_has "usage: recryst COMMAND"
done
run 2 help trian
err_has "did you mean 'train'?"
run 2 --versoin
err_has "unknown option '--versoin'"

# The options that are a contract, in the help of their command and in docs/command.md.
promised() {
    local command=$1
    shift
    run 0 "$command" --help
    cp "$work/out" "$work/help"
    run 0 help "$command"
    cmp -s "$work/out" "$work/help" || fail "help $command differs from $command --help"
    for option in "$@"; do grep -qE -- "^  --$option( |\$)" "$work/out" || fail "$command --help lacks --$option"; done
    out_has "examples:"
    same "$(sed -n '/^examples:/,$p' "$work/out" | grep -cE '^  recryst [a-z]+ ' | awk '{ print ($1 >= 2 && $1 <= 4) }')" 1 \
        "number of examples of $command"
    [ "$(awk '/^examples/ { exit } length > 80' "$work/out" | wc -l)" -eq 0 ] || fail "$command --help is wider than 80"
    for option in $(sed -nE 's/^  --([a-z-]+).*/\1/p' "$work/out"); do
        [ "$option" = help ] ||
            awk -v c="$command" '/^## / { on = $2 == c } on' "$RECRYST_SOURCE/docs/command.md" | grep -qF -- "\`--$option" ||
            fail "docs/command.md lacks --$option of $command in its section"
    done
}
promised train target model steps layers gate layer-norm task epochs batch-size optimizer lr atom-features hidden \
    hidden-layers momentum lr-milestones lr-gamma weight-decay train-ratio val-ratio test-ratio train-size val-size \
    test-size split seed threads out resume config repeat beta1 beta2 eps tie-tolerance radius max-neighbors dmin step padding ties disorder unit strict kernels quiet
run 0 train --help
grep -A 2 -- '--split-seed' "$work/out" | grep -qF -- '--seed when not given [' && fail "a seed of the split that nobody gave is shown as a default"
promised study out jobs threads part only take keep tables dry-run quiet
promised prepare out append strict threads quiet radius max-neighbors dmin step padding ties disorder
promised evaluate target out disorder
promised predict out format threads strict disorder
promised info target json symprec
promised convert to primitive conventional supercell reduce symprec no-idealize errors overwrite strict threads quiet
promised embed what out format errors strict threads kernels quiet disorder
promised import atom-init target unit radius max-neighbors dmin step padding ties tie-tolerance disorder quiet
promised export format atom-init atoms quiet
promised graph format radius max-neighbors dmin step padding ties disorder
promised fetch property list-properties limit min max stable-only include-gnome api-key api-key-file endpoint filter \
    out overwrite page-size retries timeout elements chemsys formula where ca-file quiet
promised bench model batch-size threads seconds

# Options: unknown, abbreviated, without a value, with one too many, out of range.
run 2 train x --epoch 3
err_has "recryst: error: unknown option '--epoch'; did you mean '--epochs'?"
err_has "see 'recryst train --help'"
run 2 train x --epoch=3
err_has "did you mean '--epochs'?"
run 2 train x --zzzzzz
err_has "unknown option '--zzzzzz'"
err_lacks "did you mean"
run 2 train x -q
err_has "unknown option '-q'"
run 2 train x --epochs
err_has "--epochs needs a value"
run 2 train x --quiet=yes
err_has "--quiet takes no value"
run 2 train x --epochs 0
err_has "--epochs takes a whole number from 1 to 10000000, not '0'"
run 2 train x --epochs=1e3
err_has "not '1e3'"
run 2 train x --epochs 99999999999999999999
err_has "--epochs takes a whole number"
run 2 predict x y --threads 1025 # no more than there can be
err_has "--threads takes a whole number from 0 to 1024"
run 2 train x --lr 0
err_has "--lr takes a number above 0 and at most 1000, not '0'"
run 2 train x --lr nan
err_has "--lr takes a number"
run 2 train x --lr 1,5
err_has "not '1,5'"
run 2 train x --seed -1
err_has "--seed takes a whole number from 0"
run 2 train x --lr-milestones 10,,20
err_has "--lr-milestones takes whole numbers"
run 2 train x --optimizer lion
err_has "--optimizer takes one of adam|sgd|adamw, not 'lion'"
run 2 train x --target ''
err_has "--target takes a text that is not empty"
run 2 graph x --radius -1
err_has "--radius takes a number above 0"

# Options that do not go together, and too few or too many arguments.
run 2 train
err_has "no data given"
run 2 train a b
err_has "one DATA at a time"
run 2 train x --model cgcnn --steps 4
err_has "cgcnn takes --layers"
run 2 train x --layers 4
err_has "takes --steps"
run 2 train x --model cgcnn --gate
err_has "--gate goes with --model sr-cgcnn only"
# What another option takes the use from is refused, not passed over.
useless() { # MESSAGE, OPTIONS...
    local message=$1
    shift
    run 2 train "$work/small.extxyz" --target formation_energy --out "$work/never" "$@"
    err_has "$message"
    [ ! -e "$work/never" ] || fail "a run began with $*"
}
useless "--lr-milestones goes with --schedule multistep" --schedule cosine --lr-milestones 5
useless "--lr-final goes with --schedule cosine or one-cycle" --lr-final 0.1
useless "--lr-gamma goes with --schedule multistep or plateau" --schedule one-cycle --lr-gamma 0.5
useless "--plateau-patience goes with --schedule plateau" --plateau-patience 3
useless "--huber-delta goes with --loss huber" --huber-delta 0.1
useless "--gaussian-beta goes with --loss gaussian" --loss l1 --gaussian-beta 0.5
useless "--momentum goes with --optimizer sgd" --momentum 0.5
useless "--beta1 goes with --optimizer adam or adamw" --optimizer sgd --beta1 0.5
useless "--beta2 goes with --optimizer adam or adamw" --optimizer sgd --beta2 0.5
useless "--eps goes with --optimizer adam or adamw" --optimizer sgd --eps 1e-7
useless "--dropout goes with --task classification" --dropout 0.1
run 2 train x --val-ratio 0.1 --val-size 10
err_has "give one"
run 2 train --resume r --epochs 3
err_has "--epochs can't be given with --resume"
run 2 train --resume r x
err_has "leave 'x' out"
run 2 evaluate m
err_has "evaluate takes a model and data"
run 2 predict
err_has "no model given"
run 2 predict m
err_has "nothing to predict"
run 2 info
err_has "nothing given"
run 2 graph a b
err_has "one FILE at a time"

# Output that can't be written is an error; a reader who leaves is one without words.
if [ -e /dev/full ]; then
    code=0
    "$RECRYST" --help >/dev/full 2>"$work/err" || code=$?
    same "$code" 1 "exit code on a full device"
    err_has "can't write to standard output"
fi
code=0
"$RECRYST" train --help >&- 2>"$work/err" || code=$?
same "$code" 1 "exit code on a closed standard output"
err_has "can't write to standard output"
echo passed
