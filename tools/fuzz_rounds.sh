# shellcheck shell=bash
# For tools/fuzz.sh and tools/msan.sh: source it.
# fuzz_one TARGET RUNS STATE PROGRAM: one target of libFuzzer up to its number of runs, in rounds; what has been run lies in
# STATE/TARGET/ and is bound to the program's bytes.  FUZZ_TIMEOUT: seconds an input may take; FUZZ_ROUND: runs of a round;
# FUZZ_MEMORY: MB of the process.
fuzz_one() {
    local target=$1 runs=$2 state=$3 program=$4
    local dir=$state/$target key done_runs=0 seconds=0 size=${FUZZ_ROUND:-250000} round begin
    mkdir -p "$dir/corpus"
    # Debug lines and the build's identity name folders; they are left out.
    strip -R .note.gnu.build-id -o "$dir/stripped" "$program"
    key=$(sha256sum "$dir/stripped" | cut -c 1-32)
    rm "$dir/stripped"
    [ ! -f "$dir/$key" ] || read -r done_runs seconds <"$dir/$key"
    while [ "$done_runs" -lt "$runs" ]; do
        round=$((runs - done_runs < size ? runs - done_runs : size))
        begin=$(date +%s)
        if ! "$program" "$dir/corpus" "tests/fuzz/corpus/$target" -runs="$round" -max_len=8192 -timeout="${FUZZ_TIMEOUT:-20}" \
            -rss_limit_mb="${FUZZ_MEMORY:-2048}" -malloc_limit_mb=1024 -print_final_stats=1 -verbosity=1 -reload=0 \
            -artifact_prefix="$dir/" >"$dir/log" 2>&1; then
            echo "fuzz: $target FAILED after $done_runs runs; its log is $dir/log" >&2
            grep -E 'ERROR|runtime error|WARNING: MemorySanitizer|SUMMARY|Test unit written' "$dir/log" >&2 || tail -n 5 "$dir/log" >&2
            return 1
        fi
        done_runs=$((done_runs + round))
        seconds=$((seconds + $(date +%s) - begin))
        echo "$done_runs $seconds" >"$dir/$key"
    done
    printf '| %s | %d | %d | %s | %d |\n' "$target" "$done_runs" "$seconds" \
        "$(grep -oE 'cov: [0-9]+' "$dir/log" | tail -n 1 | cut -c 6-)" "$(find "$dir/corpus" -type f | wc -l)" >"$dir/row"
    echo "fuzz: $target $done_runs runs, clean" >&2
}
export -f fuzz_one
