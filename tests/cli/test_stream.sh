#!/usr/bin/env bash
# recryst predict MODEL -: structures on standard input.
set -eu
. "$RECRYST_SOURCE/tests/cli/support.sh"
small_model
model=$work/run/model.safetensors
frames=$data/alloys.extxyz
# stream EXPECTED_CODE INPUT ARGUMENTS...: as run, with a file as standard input, through a pipe.
stream() {
    local want=$1 input=$2 got=0
    shift 2
    cat "$input" | "$RECRYST" predict "$model" - "$@" >"$work/out" 2>"$work/err" || got=$?
    [ "$got" -eq "$want" ] || fail "a stream of $input with $* ended with $got, not $want"
}

# The rows are those of the file, in its order, on any number of threads.
run 0 predict "$model" "$frames"
cp "$work/out" "$work/rows.csv"
for threads in 1 2 5; do
    stream 0 "$frames" --threads $threads
    cmp -s "$work/out" "$work/rows.csv" || fail "the stream of a file gives other rows than the file, $threads threads"
done
"$RECRYST" predict "$model" - --quiet <"$frames" >"$work/out" 2>"$work/err"
cmp -s "$work/out" "$work/rows.csv" || fail "a file as standard input gives other rows"
same "$(wc -c <"$work/err")" 0 "bytes on standard error with --quiet"

# JSON lines and file names say the same.
awk '{ if (left == 0) { left = $1 + 1; species = cart = ""; next }
       if (header == "") { header = $0 } else {
           species = species (species == "" ? "" : ", ") "\"" $1 "\""
           cart = cart (cart == "" ? "" : ", ") "[" $2 ", " $3 ", " $4 "]" }
       if (--left == 0) {
           match(header, /Lattice="[^"]*"/); split(substr(header, RSTART + 9, RLENGTH - 10), l, " ")
           match(header, / id=[^ ]*/); id = substr(header, RSTART + 4, RLENGTH - 4)
           printf "{\"id\": \"%s\", \"lattice\": [[%s, %s, %s], [%s, %s, %s], [%s, %s, %s]], \"species\": [%s], \"cart\": [%s]}\n",
               id, l[1], l[2], l[3], l[4], l[5], l[6], l[7], l[8], l[9], species, cart
           header = "" } }' "$frames" >"$work/all.jsonl"
stream 0 "$work/all.jsonl"
cmp -s "$work/out" "$work/rows.csv" || fail "JSON lines give other rows than the frames"
run 0 predict "$model" "$data/examples"
cp "$work/out" "$work/examples.csv"
ls "$data"/examples/*.cif >"$work/names"
stream 0 "$work/names"
cmp -s "$work/out" "$work/examples.csv" || fail "file names give other rows than the folder"
stream 0 "$work/names" --format jsonl
grep -qF "\"file\": \"$(head -1 "$work/names")\"" "$work/out" || fail "no file in the object of a named file"

# The id of a frame is its own, however many keys stand before it.
awk -v keys="$(seq -f 'k%g=1' 300 | tr '\n' ' ')" '{ sub(/ id=/, " " keys "id="); print }' "$work/small.extxyz" >"$work/keys.extxyz"
run 0 predict "$model" "$work/small.extxyz"
cp "$work/out" "$work/small.csv"
stream 0 "$work/keys.extxyz"
cmp -s "$work/out" "$work/small.csv" || fail "the stream loses ids that stand behind many keys"
run 0 predict "$model" "$work/keys.extxyz"
cmp -s "$work/out" "$work/small.csv" || fail "the file loses ids that stand behind many keys"

# Bad structures become rows, and the stream goes on.
awk '/Lattice/ && ++n == 2 { sub(/R:3/, "R:x") } { print }' "$work/small.extxyz" >"$work/bad.extxyz"
stream 0 "$work/bad.extxyz"
same "$(wc -l <"$work/out")" 81 "rows with a bad frame"
out_has "stdin:"
err_has "1 input could not be used"
(echo '{"id": "bad", "lattice": 1}'; echo '{"id"'; head -2 "$work/all.jsonl") >"$work/bad.jsonl"
stream 0 "$work/bad.jsonl"
same "$(cut -d, -f1 "$work/out" | tr '\n' ' ')" "id stdin-1 stdin-2 $(sed -n '2,3p' "$work/rows.csv" | cut -d, -f1 | tr '\n' ' ')" "ids"
out_has "stdin:2: not a JSON object"
(echo "$work/none.cif"; echo "$frames"; cat "$work/names") >"$work/bad.names"
stream 0 "$work/bad.names"
out_has "$work/none.cif: can't open"
out_has "several structures"
same "$(tail -n +4 "$work/out")" "$(tail -n +2 "$work/examples.csv")" "rows after bad names"
stream 1 "$work/bad.jsonl" --strict
err_has "stdin:1:"

# What can't be followed ends the stream with a row and code 1, all before it kept.
(cat "$work/small.extxyz"; echo Al 0 0 0; cat "$work/small.extxyz") >"$work/lost.extxyz"
stream 1 "$work/lost.extxyz"
same "$(wc -l <"$work/out")" 82 "rows of a stream that is lost"
same "$(head -81 "$work/out")" "$(head -81 "$work/rows.csv")" "rows before the stream is lost"
out_has "a frame must begin with its number of atoms"
err_has "can't be followed beyond structure 81"
head -c -20 "$work/small.extxyz" | sed '$d' >"$work/short.extxyz"
stream 1 "$work/short.extxyz"
out_has "then the text ends"
stream 1 /dev/null
stream 1 "$data/examples/Pt4-dhcp.cif"
err_has "the stream is a CIF"

# Killed in the middle and gone on with: byte for byte the rows of an undisturbed run.
for format in csv jsonl; do
    stream 0 "$frames" --format $format
    cp "$work/out" "$work/whole.$format"
    out=$work/resumed.$format
    mkfifo "$work/pipe.$format"
    "$RECRYST" predict "$model" - --format $format --out "$out" --threads 2 <"$work/pipe.$format" >"$work/out" 2>"$work/err" &
    pid=$!
    exec 9>"$work/pipe.$format"
    head -5000 "$frames" >&9
    for _ in $(seq 600); do
        [ "$(cat "$out" 2>/dev/null | wc -l)" -ge 300 ] && break
        sleep 0.05
    done
    kill -9 $pid
    wait $pid 2>/dev/null || true
    exec 9>&-
    [ "$(wc -l <"$out")" -ge 300 ] || fail "rows do not appear while the stream is open"
    truncate -s -3 "$out" # a torn row
    stream 1 "$frames" --format $format --out "$out"
    err_has "--resume"
    stream 0 "$frames" --format $format --out "$out" --resume
    err_has "going on after"
    cmp -s "$out" "$work/whole.$format" || fail "a resumed $format run gives other rows"
    stream 0 "$frames" --format $format --out "$out" --resume
    cmp -s "$out" "$work/whole.$format" || fail "resuming what is complete changes it"
done
# Ids with quotes and line breaks: a row is as many lines as its id has, and is torn or whole as one, wherever the file ends.
head -4 "$work/all.jsonl" | sed -E '1s/"id": "/&say \\"no\\", /; 2s/"id": "/&two\\nlines /; 3s/"id": "/&\\"/' >"$work/odd.jsonl"
for format in csv jsonl; do
    stream 0 "$work/odd.jsonl" --format $format
    cp "$work/out" "$work/odd.$format.whole"
    size=$(wc -c <"$work/odd.$format.whole")
    for end in $(seq 1 9 "$size") "$size"; do
        head -c "$end" "$work/odd.$format.whole" >"$work/part.$format"
        stream 0 "$work/odd.jsonl" --format $format --out "$work/part.$format" --resume
        cmp -s "$work/part.$format" "$work/odd.$format.whole" || fail "odd ids, $format, gone on with after $end bytes: other rows"
    done
done
same "$(grep -c '' "$work/odd.csv.whole")" 6 "lines of five rows of which one has a line break"
stream 1 "$work/small.extxyz" --out "$work/resumed.csv" --resume
err_has "1,500 rows" 2>/dev/null || err_has "1500 rows"
stream 1 "$frames" --out "$work/resumed.jsonl" --resume
err_has "no CSV output"
# Rows with other columns are rows of predict, but not of this model and these options.
cp "$work/rows.csv" "$work/other.csv"
stream 1 "$frames" --out "$work/other.csv" --no-intervals --resume
err_has "other.csv:1: its columns are others than this model and these options give"
cmp -s "$work/other.csv" "$work/rows.csv" || fail "rows with other columns are changed"
printf 'id,pred' >"$work/torn.csv"
stream 0 "$frames" --out "$work/torn.csv" --resume
cmp -s "$work/torn.csv" "$work/rows.csv" || fail "a torn header is not begun again"
stream 0 "$frames" --out "$work/new.csv" --resume
cmp -s "$work/new.csv" "$work/rows.csv" || fail "--resume without a file is not a new run"

# Memory does not grow with the stream: its peak after 6,000 and after 61,500 structures (22 MB of text), to 25 bytes a structure.
# Under a sanitizer a shorter stream is to end at all.
if [ -r /proc/self/status ]; then
    mkfifo "$work/long"
    rows=61500 allowed=1500
    if is_sanitized; then rows=21000 allowed=8000; fi
    # AddressSanitizer, where it is built in, holds 256 MB of freed memory back unless it is told otherwise.
    # glibc keeps freed blocks by thread, opens further arenas and moves its thresholds as the threads happen to meet.
    ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1:thread_local_quarantine_size_kb=64" \
        GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=131072:glibc.malloc.trim_threshold=131072 \
        "$RECRYST" predict "$model" - --out "$work/long.csv" --threads 2 --quiet <"$work/long" >"$work/out" 2>"$work/err" &
    pid=$!
    exec 9>"$work/long"
    # peak ROWS: feed the frames until there are so many rows, then the peak of resident memory in kB.
    peak() {
        while [ "$fed" -lt "$1" ]; do
            cat "$frames" >&9
            fed=$((fed + 1500))
        done
        for _ in $(seq 1200); do
            [ "$(wc -l <"$work/long.csv")" -gt "$1" ] && break
            sleep 0.05
        done
        most=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status")
    }
    fed=0
    peak 6000
    before=$most
    peak $rows
    exec 9>&-
    wait $pid || fail "a long stream failed"
    same "$(wc -l <"$work/long.csv")" $((rows + 1)) "rows of a long stream"
    [ $((most - before)) -lt $allowed ] || fail "memory grew from $before to $most kB with the stream"
fi

# Stopped while it waits for more: all that came has its row, code 3, and --resume goes on.
# Four threads wait, whichever of them is given the signal.
mkfifo "$work/stopped"
"$RECRYST" predict "$model" - --out "$work/stopped.csv" --threads 4 <"$work/stopped" >"$work/out" 2>"$work/err" &
pid=$!
exec 9>"$work/stopped"
cat "$work/small.extxyz" >&9
for _ in $(seq 600); do
    [ "$(cat "$work/stopped.csv" 2>/dev/null | wc -l)" -eq 81 ] && break
    sleep 0.05
done
kill -TERM $pid
code=0
wait $pid || code=$?
exec 9>&-
same "$code" 3 "exit code of a stopped stream"
err_has "interrupted after 80 structures"
stream 0 "$frames" --out "$work/stopped.csv" --resume
cmp -s "$work/stopped.csv" "$work/rows.csv" || fail "a stopped run, resumed, gives other rows"

# A bad structure with --strict, and an output that takes nothing: the end, though the stream stays open and silent.
# Twenty large crystals beside the bad one keep one thread busy, so that another one waits for input when it finds out.
awk 'BEGIN { for (f = 0; f < 21; f++) {
    print 216; print "Lattice=\"18 0 0 0 18 0 0 0 " (f == 0 ? "x" : 18) "\" Properties=species:S:1:pos:R:3 pbc=\"T T T\""
    for (i = 0; i < 216; i++) print "Al", 3 * (i % 6), 3 * (int(i / 6) % 6), 3 * int(i / 36) } }' >"$work/large.extxyz"
for threads in 1 2 4; do
    for what in strict closed; do
        mkfifo "$work/open.$what.$threads"
        if [ $what = strict ]; then
            "$RECRYST" predict "$model" - --strict --threads $threads <"$work/open.$what.$threads" >"$work/out" 2>"$work/err" &
        else
            "$RECRYST" predict "$model" - --threads $threads <"$work/open.$what.$threads" >/dev/full 2>"$work/err" &
        fi
        pid=$!
        exec 9>"$work/open.$what.$threads"
        cat "$work/large.extxyz" >&9
        for _ in $(seq 600); do
            kill -0 $pid 2>/dev/null || break
            sleep 0.05
        done
        ! kill -0 $pid 2>/dev/null || {
            kill -9 $pid
            fail "a stream that has nothing more to give waits for input ($what, $threads threads)"
        }
        code=0
        wait $pid || code=$?
        exec 9>&-
        same "$code" 1 "exit code of a stream that ends early ($what, $threads threads)"
        if [ $what = strict ]; then err_has "stdin:"; else err_has "No space left"; fi
    done
done

# The command line.
run 2 predict "$model" - "$frames"
run 2 predict "$model" "$frames" --resume --out "$work/x.csv"
run 2 predict "$model" "$frames" --input-format jsonl
run 2 predict "$model" - --resume
stream 0 "$work/all.jsonl" --input-format jsonl
stream 1 "$work/all.jsonl" --input-format extxyz
echo passed
