#!/bin/bash
# tidy.sh [FILE...]: looks for bugs in the named .cpp files by .clang-tidy; without names, in those that have changed
# since the last commit. By hand, and no part of `./quantum test`: it compiles each file anew. Exit code 0: nothing was
# found. Needs Debian's clang-tidy-14.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

command -v clang-tidy-14 >/dev/null || { echo "clang-tidy-14 is missing: apt-get install clang-tidy-14" >&2; exit 2; }
# Preset dev compiles each file alone; of the others' batches clang-tidy knows no single file.
[[ -e build/dev/compile_commands.json ]] || cmake --preset dev >/dev/null

files=("$@")
if ((!$#)); then
  mapfile -t files < <(git diff --name-only --diff-filter=d HEAD -- '*.cpp')
fi
((${#files[@]})) || { echo "no .cpp file has changed"; exit 0; }

# What it counts and passes over (system headers, NOLINT) is said on its standard error, and is no finding.
said="$(mktemp)"
trap 'rm -f "$said"' EXIT
failed=0
found="$(printf '%s\0' "${files[@]}" |
  nice xargs -0 -P "$(nproc)" -n 1 clang-tidy-14 --quiet -p build/dev \
    --extra-arg=-Wno-unknown-warning-option 2>"$said" | sed "s#$PWD/##g")" || failed=1
[[ -z "$found" ]] || { echo "$found"; exit 1; }
((!failed)) || { cat "$said" >&2; echo "clang-tidy-14 failed" >&2; exit 2; }
