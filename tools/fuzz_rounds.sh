# shellcheck shell=bash
# For tools/fuzz.sh and tools/msan.sh: source it.
# fuzz_one TARGET RUNS STATE PROGRAM: one target of libFuzzer up to its number of runs, in rounds.  What it found and its log lie in
# STATE/TARGET/; what has been run of which sources is in FUZZ_RECORD (default STATE/campaign.csv; tools/campaign.py), under the
# sanitizer FUZZ_SANITIZER.  FUZZ_SEEDS: a folder whose TARGET/corpus has further seeds, where it is there.
# FUZZ_TIMEOUT: seconds an input may take; FUZZ_ROUND: runs of a round; FUZZ_MEMORY: MB of the process.
# fuzz_flags: what the compiler is to be told for FUZZ_COMPARE=0.
fuzz_flags=""
[ "${FUZZ_COMPARE:-1}" != 0 ] || fuzz_flags=-fno-sanitize-coverage=trace-cmp
fuzz_one() {
    local target=$1 runs=$2 state=$3 program=$4
    local dir=$state/$target record=${FUZZ_RECORD:-$state/campaign.csv} size=${FUZZ_ROUND:-250000}
    local sources counted done_runs seconds round begin more=${FUZZ_SEEDS:+$FUZZ_SEEDS/$target/corpus}
    [ -d "$more" ] || more=""
    mkdir -p "$dir/corpus"
    sources=$(python3 tools/campaign.py sources "$target") || return 1
    counted=$(python3 tools/campaign.py done "$record" "$target" "$FUZZ_SANITIZER") || return 1
    read -r done_runs seconds <<<"$counted"
    while [ "$done_runs" -lt "$runs" ]; do
        round=$((runs - done_runs < size ? runs - done_runs : size))
        begin=$(date +%s)
        # shellcheck disable=SC2086
        if ! "$program" "$dir/corpus" "tests/fuzz/corpus/$target" $more -runs="$round" -max_len=8192 -timeout="${FUZZ_TIMEOUT:-20}" \
            -rss_limit_mb="${FUZZ_MEMORY:-2048}" -malloc_limit_mb=1024 -print_final_stats=1 -verbosity=1 -reload=0 \
            -artifact_prefix="$dir/" >"$dir/log" 2>&1; then
            echo "fuzz: $target FAILED after $done_runs runs; its log is $dir/log" >&2
            grep -aE 'ERROR|runtime error|WARNING: MemorySanitizer|SUMMARY|Test unit written' "$dir/log" >&2 || tail -n 5 "$dir/log" >&2
            return 1
        fi
        done_runs=$((done_runs + round))
        begin=$(($(date +%s) - begin))
        seconds=$((seconds + begin))
        python3 tools/campaign.py add "$record" "$target" "$FUZZ_SANITIZER" "$sources" "$round" "$begin" || return 1
    done
    printf '| %s | %d | %d | %s | %d |\n' "$target" "$done_runs" "$seconds" \
        "$([ ! -f "$dir/log" ] || grep -aoE 'cov: [0-9]+' "$dir/log" | tail -n 1 | cut -c 6-)" "$(find "$dir/corpus" -type f | wc -l)" >"$dir/row"
    echo "fuzz: $target $done_runs runs, clean" >&2
}
export -f fuzz_one
