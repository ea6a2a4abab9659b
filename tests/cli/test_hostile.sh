#!/usr/bin/env bash
# Paths that are no files, and files made to harm: every command that reads one says why it does not, soon, and goes on living.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
small_model
model=$work/run/model.safetensors

# refused COMMAND...: status 1 (a row in error for predict), a reason on standard error, within 20 seconds and 1 GB of memory.
refused() {
    local got=0
    (
        ulimit -v 1500000 2>/dev/null || true
        exec timeout 60 "$RECRYST" "$@"
    ) >"$work/out" 2>"$work/err" </dev/null || got=$?
    [ "$got" -eq 1 ] || fail "recryst $* ended with $got, not 1"
    [ -s "$work/err" ] || fail "recryst $* says nothing"
}
# Sanitizers and valgrind reserve terabytes of addresses.
if ! (ulimit -v 1500000 && "$RECRYST" --version) >/dev/null 2>&1; then ulimit() { :; }; fi

mkfifo "$work/pipe" "$work/pipe.cif" "$work/pipe.safetensors"
ln -s loop "$work/loop"
ln -s "$work/nowhere" "$work/dangling"
mkdir "$work/folder.cif"
: >"$work/empty"
head -c 100000 /dev/zero >"$work/zeros.cif"
for path in "$work/pipe" "$work/loop" "$work/dangling" /dev/zero /dev/null "$work/empty" "$work/zeros.cif" /proc/self/mem; do
    for command in "info $path" "graph $path" "convert $path $work/new.cif" "train $path --epochs 1 --out $work/new" "prepare $path --out $work/new.store" \
        "evaluate $model $path" "embed $model $path --out $work/new.csv" "predict $path $work/small.extxyz" "info $path" \
        "import $path $work/new.safetensors" "export $path $work/new.pth.tar" \
        "explain $model $path" "explain $path $work/small.extxyz" "report $path" "bench $path" "study $path --out $work/new" \
        "ensemble $model $path $work/new.safetensors" "ensemble $model $work/new.safetensors --calibrate $path" \
        "train --resume $path" "train $work/small.extxyz --config $path --out $work/new"; do
        # shellcheck disable=SC2086
        case $command in
        # An empty file, and one of /proc that says it is empty, is a list of settings, if a short one.
        *"--config $work/empty "* | *"--config /proc/self/mem "* | "study $work/empty "* | "study /proc/self/mem "*) ;;
        *) refused $command ;;
        esac
        [ ! -e "$work/new" ] && [ ! -e "$work/new.cif" ] && [ ! -e "$work/new.safetensors" ] && [ ! -e "$work/new.pth.tar" ] ||
            fail "recryst $command left something behind"
    done
    if "$RECRYST" train --help | grep -q -- '--init'; then
        refused train "$work/small.extxyz" --target formation_energy --init "$path" --epochs 1 --out "$work/new"
    fi
done
# Nor is one that rows would be added to.
printf '' | timeout 20 "$RECRYST" predict formation-energy - --resume --out "$work/pipe" 2>"$work/err" && fail "rows were added to a pipe"
err_has "no file that rows can be added to"
# A pipe is read by predict, as standard input is; a device without end is not.
refused predict "$model" /dev/zero
err_has zero

# In a folder of structures, what is no file costs its row, not the run.
mkdir "$work/mixed"
cp "$data"/examples/*.cif "$work/mixed"
mkfifo "$work/mixed/pipe.cif"
ln -s loop.cif "$work/mixed/loop.cif"
ln -s /dev/zero "$work/mixed/zero.cif"
got=0
timeout 60 "$RECRYST" predict "$model" "$work/mixed" >"$work/out" 2>"$work/err" </dev/null || got=$?
[ "$got" -le 1 ] || fail "predict of a folder with a pipe, a loop and a device ended with $got"
same "$(grep -cE '^[^,]+,-?[0-9]' "$work/out")" "$(ls "$data"/examples/*.cif | wc -l)" "rows predicted"

# A folder that holds itself, its parent and a folder of more files: its own files are read, once, and nothing below it.
mkdir -p "$work/circle/below"
cp "$data"/examples/*.cif "$work/circle"
cp "$data"/examples/*.cif "$work/circle/below"
ln -s .. "$work/circle/up"
ln -s . "$work/circle/itself"
ln -s below "$work/circle/again.cif"
run 0 predict "$model" "$work/circle"
same "$(wc -l <"$work/out")" "$(($(ls "$data"/examples/*.cif | wc -l) + 1))" "rows of a folder with links to folders"
run 0 info "$work/circle"
run 0 convert "$work/circle" "$work/circle.extxyz"
(cd "$work/circle" && ls *.cif | grep -v again | sed 's/\.cif$/,1/' >id_prop.csv)
run 0 prepare "$work/circle" --out "$work/circle.store"
rm -r "$work/circle"/*.cif
refused predict "$model" "$work/circle"

# Archives that expand without bound: 1 GB of zeros in a megabyte, and one within another.
head -c 1000000000 /dev/zero | gzip -1 >"$work/bomb.cif.gz"
refused info "$work/bomb.cif.gz"
refused graph "$work/bomb.cif.gz"
(cd "$work" && mkdir deep && head -c 50000000 /dev/zero | gzip -9 | gzip -9 >deep/x.cif.gz && tar -czf nested.tar.gz deep)
refused graph "$work/deep/x.cif.gz"

# Members that lead elsewhere, by tar itself; each is named with its reason.
mkdir -p "$work/t/sub"
(cd "$work/t" && echo x >a.cif && ln -s /etc/passwd link.cif && ln a.cif hard.cif && mkfifo fifo.cif)
(cd "$work/t/sub" && tar -P -cf "$work/dots.tar" ../a.cif && tar -P -cf "$work/absolute.tar" "$work/t/a.cif")
(cd "$work/t" && tar -cf "$work/link.tar" a.cif link.cif && tar -cf "$work/hard.tar" a.cif hard.cif && tar -cf "$work/fifo.tar" a.cif fifo.cif)
refused info "$work/dots.tar" && err_has "leads out"
refused info "$work/absolute.tar" && err_has "absolute"
refused info "$work/link.tar" && err_has "link"
refused info "$work/hard.tar" && err_has "link"
refused info "$work/fifo.tar" && err_has "device"

# A model of which one byte changed: the checksum says so.
cp "$model" "$work/changed.safetensors"
size=$(wc -c <"$model")
printf '\377' | dd of="$work/changed.safetensors" bs=1 seek=$((size - 6)) conv=notrunc status=none
cmp -s "$model" "$work/changed.safetensors" && fail "the byte was 255 already"
refused predict "$work/changed.safetensors" "$data/examples"
err_has "checksum"
