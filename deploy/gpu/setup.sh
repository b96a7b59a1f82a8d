#!/bin/sh
# A bare Ubuntu GPU host (22.04 or 24.04, NVIDIA driver installed) made ready to train. Run again at will: what stands is kept.
#   deploy/gpu/setup.sh [--check]     VENV=dir (default: .venv beside the checkout's Makefile), PYTHON=python3.11
set -eu
cd "$(dirname "$0")/../.."
VENV=${VENV:-.venv}
PYTHON=${PYTHON:-python3}
say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

command -v nvidia-smi >/dev/null 2>&1 || fail "no nvidia-smi: install the NVIDIA driver first (sudo ubuntu-drivers install, reboot)"
gpus=$(nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader) || fail "nvidia-smi finds no GPU: $gpus"
printf '%s\n' "$gpus" | while read -r line; do say "GPU: $line"; done

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || fail "$PYTHON is not Python 3.11 or newer; on \
Ubuntu 22.04: sudo add-apt-repository ppa:deadsnakes/ppa && sudo apt install python3.11-venv, then PYTHON=python3.11 $0"
"$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || fail "$PYTHON has no venv; sudo apt install python3-venv"

shm=$(df -Pk /dev/shm | awk 'NR == 2 {print int($4 / 1048576)}')
[ "$shm" -ge 4 ] || fail "/dev/shm has $shm GiB free; wanted 4: batches pass through it (in a container: --shm-size 8g)"
free=$(df -Pk . | awk 'NR == 2 {print int($4 / 1048576)}')
[ "$free" -ge 12 ] || [ -x "$VENV/bin/python" ] || fail "$free GiB free here; wanted 12 for torch and its libraries"
say "/dev/shm has $shm GiB free, this disk $free GiB"
[ "${1:-}" = --check ] && { say "ready to be set up"; exit 0; }

[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/gpu/requirements.lock
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check 'setuptools>=77'
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation .
"$VENV/bin/python" - <<'PY' || fail "torch does not see the GPU: the driver may be older than the CUDA that torch was built for"
import sys, torch
print(f"setup: torch {torch.__version__}, {torch.cuda.device_count()} GPU" if torch.cuda.is_available() else "setup: no GPU")
sys.exit(not torch.cuda.is_available())
PY
say "ready: $VENV/bin/dhs train --help"
