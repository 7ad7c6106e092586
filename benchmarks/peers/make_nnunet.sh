#!/usr/bin/env bash
# The peer's environment: nnU-Net 2.8.1 as `pip install` brings it, with the torch that pip chooses.
#
#     benchmarks/peers/make_nnunet.sh [FOLDER]     default: ~/.cache/septum-bench/nnunet
#
# Downloads some gigabytes. A folder that holds this version already is left as it is.
# PYTHON names the Python to build it with.
set -euo pipefail

release=nnunetv2==2.8.1
folder=${1:-$HOME/.cache/septum-bench/nnunet}

installed() {
  "$folder/bin/python" -c 'from importlib.metadata import version as v; print(f"nnunetv2=={v('\''nnunetv2'\'')}")' 2>/dev/null || true
}

if [ "$(installed)" = "$release" ]; then
  echo "$folder holds $release already"
else
  if [ -e "$folder" ] && [ ! -e "$folder/pyvenv.cfg" ] && [ -n "$(ls -A "$folder")" ]; then
    echo "$folder is not a virtual environment; give an empty folder, or one that does not exist" >&2
    exit 1
  fi
  "${PYTHON:-python3}" -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$release"
fi

"$folder/bin/python" -m pip list --disable-pip-version-check 2>/dev/null | grep -iE '^(nnunetv2|torch|numpy|simpleitk) '
du -sh "$folder"
