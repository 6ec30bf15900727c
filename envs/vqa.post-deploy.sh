#!/usr/bin/env bash
# Runs in the new environment, in the working folder: put the `vqa` command of this workflow into it.
set -euo pipefail
python -m pip install --no-deps --editable "${VQA_SOURCE:-.}"
