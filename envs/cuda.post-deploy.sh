#!/usr/bin/env bash
# Runs in the new environment, in the folder of the workflow: put the `vqa` command into it.
set -euo pipefail
python -m pip install --no-deps --editable .
