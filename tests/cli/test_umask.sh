#!/usr/bin/env bash
# Files and folders that commands make have the rights that the user's umask leaves them, as those of cp and tar have: in a folder
# that a group shares (umask 0002) the others of the group can go on with a run or add to a store; under 0077 nobody else sees any.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"

# rights FOLDER: fails where one in it is not 0666 (files) or 0777 (folders) without the umask.
rights() {
    local file_mode folder_mode wrong
    printf -v file_mode '%o' $((0666 & ~$(umask)))
    printf -v folder_mode '%o' $((0777 & ~$(umask)))
    wrong=$(find "$1" \( -type f ! -perm "$file_mode" -o -type d ! -perm "$folder_mode" \) -printf '%m %p\n')
    [ -z "$wrong" ] || fail "umask $(umask), rights: $wrong"
}

for mask in 0002 0077; do
    umask $mask
    rm -rf "$work/run" "$work/own"
    mkdir "$work/own"
    cd "$work/own"
    small_model
    mv "$work/run" "$work/small.extxyz" .
    run 0 train small.extxyz --target formation_energy --epochs 1 --batch-size 16 --atom-features 8 --hidden 8 --ensemble 2 --out several
    printf '[base]\ndata = "small.extxyz"\ntarget = "formation_energy"\nepochs = 1\natom-features = 8\n[[setting]]\nname = "one"\nsteps = 1\n' >study.toml
    run 0 study study.toml --out study
    run 0 prepare small.extxyz --out small.store
    frames 90 more.extxyz
    run 0 prepare more.extxyz --append --out small.store
    run 0 predict run small.extxyz --out rows.csv
    run 0 evaluate run small.extxyz --out scores.csv
    run 0 embed run small.extxyz --out vectors.npy
    run 0 convert small.extxyz cifs/ --to cif
    run 0 convert small.extxyz all.jsonl
    run 0 export run model.onnx --format onnx
    run 0 report run --format svg
    [ -d cifs ] && [ -f small.store ] && [ -f study/study.csv ] || fail "$(ls -lR)"
    rights .
done

# Another of the group goes on in a folder that it shares: with a run that was stopped, with a study and with a store.
other=(setpriv --reuid 54321 --regid 54322 --clear-groups)
chmod 711 "$work"
if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null || ! "${other[@]}" "$RECRYST" --version >/dev/null 2>&1; then
    echo "umask: nobody else can be had to go on in a shared folder (root and setpriv are needed)"
else
    umask 0002
    mkdir "$work/shared"
    cd "$work/shared"
    cp "$work/own/small.extxyz" "$work/own/more.extxyz" "$work/own/study.toml" .
    chmod 664 ./*
    run 0 prepare small.extxyz --out small.store
    sed -i 's/^epochs = 1$/epochs = 400/' study.toml
    again=(train small.extxyz --target formation_energy --epochs 4000 --batch-size 16 --atom-features 8 --hidden 8 --quiet)
    for what in "${again[*]} --out run" "study study.toml --out study --quiet"; do
        # shellcheck disable=SC2086
        "$RECRYST" $what >"$work/out" 2>"$work/err" &
        for _ in $(seq 600); do [ -z "$(find . -newer study.toml -name last.ckpt)" ] || break && sleep 0.1; done
        kill -INT $! && wait $! || true
        touch study.toml
    done
    chgrp -R 54322 .
    # as_other ARGUMENTS...: as run, by another of the group.
    as_other() {
        local got=0
        (umask 0002 && exec "${other[@]}" "$RECRYST" "$@") >"$work/out" 2>"$work/err" </dev/null || got=$?
        [ "$got" -eq 0 ] || fail "by another of the group, recryst $* ended with $got"
    }
    as_other prepare more.extxyz --append --out small.store
    as_other train --resume run --quiet
    as_other study study.toml --out study --quiet
    [ -f run/run_summary.json ] && [ -f study/study.csv ] || fail "$(ls -lR)"
    rights .
fi
cd "$work/own"
echo "umask: the rights of $(find . | wc -l) files and folders are those that the umask leaves"
