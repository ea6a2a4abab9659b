# For the scripts of this folder: source it.
# asked RUN KEY=VALUE...: ends with 1 where the run's config.toml has another value, so that a trial is not taken for the real thing.
asked() {
    local run=$1 pair key want have
    shift
    for pair; do
        key=${pair%%=*} want=${pair#*=}
        have=$(sed -nE "s/^$key = \"?([^\"#]*[^\"# ])\"? *(#.*)?\$/\\1/p" "$run/config.toml" | head -n 1)
        awk -v a="$have" -v b="$want" 'BEGIN { exit !(a == b || (a ~ /^[-0-9.]/ && b ~ /^[-0-9.]/ && a + 0 == b + 0)) }' && continue
        echo "$run is a run with $key = $have, and $want is asked for: remove it, or set WORK to another folder" >&2
        return 1
    done
}
