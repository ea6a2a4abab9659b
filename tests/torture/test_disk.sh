#!/usr/bin/env bash
# Disks as they are: full, read-only, with a limit of a file's size.  Commands that write say so, end with 1 and leave what was
# there.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
small_model
train="--target formation_energy --epochs 3 --batch-size 16 --atom-features 16 --hidden 16 --threads 1 --quiet"
# Each command that writes, into the folder $1 (made of the folder $work/full, which has the results).
commands() {
    local to=$1
    echo "train $work/small.extxyz $train --out $to/run"
    echo "prepare $work/small.extxyz --out $to/store"
    echo "predict $work/run $work/small.extxyz --out $to/rows.csv"
    echo "evaluate $work/run $work/small.extxyz --out $to/scored.csv"
    echo "convert $work/small.extxyz $to/all.extxyz"
    echo "convert $work/small.extxyz $to/cifs/ --to cif"
    echo "embed $work/run $work/small.extxyz --what steps --out $to/v.npy"
    echo "export $work/run $to/m.pth.tar"
    echo "import $work/m.pth.tar $to/m.safetensors"
}
run 0 export "$work/run" "$work/m.pth.tar"

# A limit of 1 kB for each file: an error, where the system would send a signal that ends the process.
mkdir "$work/limited"
commands "$work/limited" | while read -r line; do
    case $line in *cifs/*) continue ;; esac # each of these files is small enough
    code=0
    # shellcheck disable=SC2086
    (ulimit -f 1 && exec "$RECRYST" $line) >"$work/limited-out" 2>"$work/err" </dev/null || code=$?
    same "$code" 1 "exit code at the limit of a file's size: $line"
    grep -qiE "too large|can't|no space left" "$work/err" || fail "no reason at the limit: $line"
done
found=$(find "$work/limited" -name '.*.tmp-*' -o -size +1k -type f)
[ -z "$found" ] || fail "left at the limit: $found"

# In a mount of its own, where that is allowed: 64 kB of disk, then the same read-only.
if ! unshare -m true 2>/dev/null || ! unshare -m mount -t tmpfs -o size=64k tmpfs /mnt 2>/dev/null; then
    echo "SKIPPED: mounting is not allowed: a full and a read-only disk are not tried (faults.files and torture.outputs_sh have them simulated)"
    exit 77
fi
mkdir "$work/disk"
commands "$work/disk" >"$work/commands"
export -f fail same
export work RECRYST
cat >"$work/try.sh" <<'END'
set -eu
# kind WANTED_WORDS: every command fails with these words, and the old file stays.
try() {
    while read -r line; do
        code=0
        "$RECRYST" $line >"$work/out" 2>"$work/err" </dev/null || code=$?
        same "$code" 1 "exit code on a $1 disk: $line"
        grep -qiE "$2" "$work/err" || fail "no reason on a $1 disk: $line"
        same "$(cat "$work/disk/old")" "what was here" "a file on the $1 disk"
    done <"$work/commands"
}
mount -t tmpfs -o size=64k tmpfs "$work/disk"
echo "what was here" >"$work/disk/old"
for name in rows.csv scored.csv all.extxyz v.npy m.pth.tar m.safetensors; do echo old >"$work/disk/$name"; done
dd if=/dev/zero of="$work/disk/filler" bs=1k 2>/dev/null || true
try full "no space left|disk quota"
for name in rows.csv scored.csv all.extxyz v.npy m.pth.tar m.safetensors; do
    same "$(cat "$work/disk/$name")" old "$name on a full disk"
done
found=$(find "$work/disk" -name '.*.tmp-*')
[ -z "$found" ] || fail "left on a full disk: $found"
rm "$work/disk/filler"
mount -o remount,ro "$work/disk"
try read-only "read-only"
END
unshare -m bash "$work/try.sh"
echo passed
