#!/usr/bin/env bash
# Training on a graph store larger than the memory it may use: one epoch with a memory limit beside the same without, both
# beginning with nothing of the store in memory.  The limit is a control group's (version 2 or 1, made here as root, or by
# systemd-run --user); it counts the process's own memory and the pages of the store that it reads, and when it is reached the
# kernel takes pages of the store away.  Where none can be made, bench_hold_pages takes the store's pages away instead, and the
# output says so.  The table is also put into docs/performance.md when the store has a GiB or more and four times the limit.
#
# usage: bench/limited.sh BUILD DATA [MIB [STORE_MIB [THREADS]]]
#   DATA: a folder or archive of CIF files; the store holds its crystals again and again, each time under another strain
#   MIB: the limit (256); STORE_MIB: the store's size at least (1024); THREADS (4)
# environment: WORK (runs/limited), where the store stays for the next time
set -eu -o pipefail # a table that breaks off is not to be put into the page
export LC_ALL=C
cd "$(dirname "$0")/.."
[ $# -ge 2 ] || {
    echo "usage: bench/limited.sh BUILD DATA [MIB [STORE_MIB [THREADS]]]" >&2
    exit 2
}
build=$1 data=$2 limit=${3:-256} size=${4:-1024} threads=${5:-4}
work=${WORK:-runs/limited}
store=$work/$size.store
mkdir -p "$work"
ninja -C "$build" recryst bench_structures bench_hold_pages >/dev/null

mebibytes() { echo $(($(stat -c %s "$1" 2>/dev/null || echo 0) >> 20)); }
part=20000 first=1
[ ! -f "$store" ] || first=$(($("$build/recryst" info "$store" | sed -n 's/^store .*: \([0-9,]*\) rows.*/\1/p' | tr -d ,) + 1))
while [ "$(mebibytes "$store")" -lt "$size" ]; do
    "$build/bench_structures" labelled "$data" $part $first >"$work/part.extxyz" 2>/dev/null
    "$build/recryst" prepare "$work/part.extxyz" --out "$store" --quiet $([ ! -f "$store" ] || echo --append)
    first=$((first + part))
    echo "made the store: $(mebibytes "$store") MiB, $((first - 1)) crystals" >&2
done
rm -f "$work/part.extxyz"

forget() { # drop the store's pages from memory
    sync "$store"
    dd if="$store" iflag=nocache count=0 status=none
}

group="" kind=""
find_limit() {
    local name=recryst-limited-$$ path
    for path in /sys/fs/cgroup "$(sed -n 's|^0::\(/.*\)$|/sys/fs/cgroup\1|p' /proc/self/cgroup)"; do
        if grep -qw memory "$path/cgroup.controllers" 2>/dev/null && mkdir "$path/$name" 2>/dev/null; then
            if echo "${limit}M" 2>/dev/null >"$path/$name/memory.max"; then
                echo 0 2>/dev/null >"$path/$name/memory.swap.max" || true
                group=$path/$name kind="control group, version 2 (memory.max)"
                return
            fi
            rmdir "$path/$name"
        fi
    done
    if mkdir "/sys/fs/cgroup/memory/$name" 2>/dev/null; then
        if echo "${limit}M" 2>/dev/null >"/sys/fs/cgroup/memory/$name/memory.limit_in_bytes"; then
            group=/sys/fs/cgroup/memory/$name kind="control group, version 1 (memory.limit_in_bytes)"
            return
        fi
        rmdir "/sys/fs/cgroup/memory/$name"
    fi
    if systemd-run --user --scope -q -p MemoryMax=64M true 2>/dev/null; then
        kind="control group by systemd-run (MemoryMax)"
    else
        kind="pages of the store taken away by bench_hold_pages; the process's own memory is not limited"
    fi
}
trap '[ -z "$group" ] || rmdir "$group" 2>/dev/null || true' EXIT

# $1: name of the run, $2: 1 with the limit.  Sets seconds (of the epoch, from metrics.csv) and peak (MB, of the process).
run() {
    local out=$work/run-$1 command status=0
    rm -rf "$out"
    command=("$build/recryst" train "$store" --target mean_z --epochs 1 --threads "$threads" --val-size 1000 --test-size 1000 --quiet
        --out "$out")
    forget
    if [ "$2" = 0 ]; then
        /usr/bin/time -f '%M %F' -o "$work/time" "${command[@]}" >"$work/log" 2>&1 || status=$?
    elif [ -n "$group" ]; then
        (
            echo "$BASHPID" >"$group/cgroup.procs" || exit 1 # set -e does not hold before "||": it would run without a limit
            exec /usr/bin/time -f '%M %F' -o "$work/time" "${command[@]}"
        ) >"$work/log" 2>&1 || status=$?
    elif [ "${kind#*systemd}" != "$kind" ]; then
        systemd-run --user --scope -q -p MemoryMax="${limit}M" -p MemorySwapMax=0 /usr/bin/time -f '%M %F' -o "$work/time" "${command[@]}" \
            >"$work/log" 2>&1 || status=$?
    else
        /usr/bin/time -f '%M %F' -o "$work/time" "${command[@]}" >"$work/log" 2>&1 &
        local timer=$!
        sleep 0.3
        "$build/bench_hold_pages" "$(pgrep -P $timer)" "$store" "$limit" >/dev/null || true
        wait $timer || status=$?
    fi
    [ $status -eq 0 ] || {
        cat "$work/log" >&2
        echo "the run $1 failed with $status" >&2
        exit 1
    }
    seconds=$(awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) if ($k == "seconds") s = k } NR == 2 { print $s }' "$out/metrics.csv")
    peak=$(awk '{ printf "%.0f", $1 * 1.024 / 1000 }' "$work/time")
    faults=$(awk '{ print $2 }' "$work/time")
    rm -rf "$out"
}

find_limit
load=$(cut -d' ' -f1 /proc/loadavg)
run free 0
free=$seconds free_peak=$peak free_faults=$faults
run limited 1
{
    echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), recryst $(git describe --always --dirty 2>/dev/null || echo "of no commit"),"
    echo "$(date +%F); load of the machine before: $load. Store of $(mebibytes "$store") MiB, limit of $limit MiB: $kind."
    echo
    echo "| one epoch of SR-CGCNN, batch 256, $threads threads | seconds | resident at most, MB | faults that read the disk |"
    echo "|---|---:|---:|---:|"
    echo "| no limit, nothing of the store in memory at first | $free | $free_peak | $free_faults |"
    echo "| limit, the same | $seconds | $peak | $faults |"
    echo
    awk -v free="$free" -v limited="$seconds" 'BEGIN { printf "With the limit: **%.2f** of the speed without.\n", free / limited }'
} | tee "$work/table"
[ "$size" -lt 1024 ] || [ "$size" -lt $((4 * limit)) ] || bash bench/put.sh limited docs/performance.md <"$work/table"
