#!/usr/bin/env bash
# Commands that write files whole, disturbed in every way at a few places each (make torture: at all of them).
set -eu
. "$RECRYST_SOURCE/tests/torture/support.sh"
[ -z "$sanitized" ] || { echo "SKIPPED: with sanitizers nothing else is preloaded" && exit 77; }
exec python3 "$RECRYST_SOURCE/tests/torture/torture.py" --parts "fail,${memory}calls,power" --jobs "predict,predict jsonl,predict to \
stdout,evaluate,convert,convert to folder,embed csv,embed npy,embed safetensors,ensemble,explain,report,export,export onnx,import,info,graph"
