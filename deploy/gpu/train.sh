#!/bin/bash
# One training on all GPUs of this host, as the service runs it. Settings come from the environment (training.env):
#   STAMPS, OUT, SETTINGS, and optionally VENV, PROCESSES (default: one a GPU), MORE (further flags of dhs train).
# Exit: 0 finished, 2 bad input (do not start again), 75 the store did not answer or the disk is full,
#   143 told to stop and saved, else a crash.
set -u
: "${STAMPS:?wanted the stamps directory, a path or s3://...}" "${OUT:?wanted the directory for checkpoints}"
VENV=${VENV:-$(cd "$(dirname "$0")/../.." && pwd)/.venv}
PROCESSES=${PROCESSES:-gpu}
said=$(mktemp)
trap 'rm -f "$said"' EXIT
# shellcheck disable=SC2086  # MORE holds several words
"$VENV/bin/python" -m torch.distributed.run --standalone --nproc-per-node "$PROCESSES" -m trainer.train \
    --stamps "$STAMPS" --out "$OUT" --settings "${SETTINGS:-default}" ${MORE:-} > >(tee -a "$said") 2> >(tee -a "$said" >&2) &
training=$!
trap 'kill -TERM $training 2>/dev/null' TERM INT
wait $training
code=$?
while kill -0 $training 2>/dev/null; do wait $training; code=$?; done  # a signal ends the first wait
sleep 0.2  # what was said last is still on its way
# torchrun answers 1 whatever its processes answered, so what they said decides.
[ "$code" -eq 0 ] && exit 0
grep -q '^dhs train: stopped in epoch' "$said" && exit 143
grep -qE '^dhs train: error: (.*cannot be reached|no room on the disk)' "$said" && exit 75
grep -q '^dhs train: error:' "$said" && exit 2
exit "$code"
