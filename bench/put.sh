#!/usr/bin/env bash
# Puts standard input between the marks `<!-- NAME: begin -->` and `<!-- NAME: end -->` of a page, in place of what stands there.
# usage: bench/put.sh NAME PAGE
set -eu
name=$1 page=$2 new=$2.new
for mark in begin end; do
    grep -qxF "<!-- $name: $mark -->" "$page" || {
        echo "$page has lost its mark <!-- $name: $mark -->" >&2
        exit 1
    }
done
{
    sed "/^<!-- $name: begin -->\$/q" "$page"
    cat
    sed -n "/^<!-- $name: end -->\$/,\$p" "$page"
} >"$new"
mv "$new" "$page"
