#!/bin/bash
# Removes from a virtual environment what wheels bring along and nothing imports: tests, headers,
# type stubs, sources. Packages are named, for Evidently has modules called tests that are none.
set -euo pipefail

cd "$1"/lib/python3.*/site-packages
for package in numpy onnx pandas pyarrow river scipy sklearn statsmodels; do
  if [ -d "$package" ]; then
    find "$package" -depth -type d \( -name tests -o -name include \) -exec rm -rf {} +
  fi
done
find . -type f \( -name '*.a' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.pyx' \) -delete
