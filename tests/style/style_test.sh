#!/bin/bash
# Each check of style.sh finds what breaks its rule, in a checkout of a few bad files, and passes once they are mended.
set -euo pipefail
style="$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/style.sh"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{src/a,tests,bench,infra/metrics}
cd "$folder"
cp "$(dirname "$style")/../../.clang-format" .

expect() {  # CHECK, what it must say; nothing: it must pass
  local said status=0
  said="$("$style" "$1" "$folder")" || status=$?
  if [[ -n "${2:-}" && ("$status" != 1 || "$said" != *"$2"*) || -z "${2:-}" && "$status" != 0 ]]; then
    echo "style.sh $1: exit code $status, said: $said; expected: ${2:-nothing}" >&2
    exit 1
  fi
}

printf 'quantum_library(a SOURCES other.cpp)\n' >src/a/CMakeLists.txt
printf 'int  A();  // %0120d\n// TO%s: later\n' 0 DO >src/a/a.cpp
printf 'int A();\n' >src/a/a.h
seq -f '// %g' 700 >src/a/long.h
printf 'units:\n  a-b:\n    kind: service\n' >quantum.yml
printf 'targets: ["${HOST}:${PORT_A}"]\n' >infra/metrics/prometheus.yml

expect layout "src/a/a.cpp:1"
expect columns "src/a/a.cpp:1: longer"
expect lengths "src/a/long.h: 700 lines"
expect words "src/a/a.cpp:2"
expect pragmas "src/a/a.h: no #pragma once"
expect dead_files "src/a/a.cpp: no CMakeLists.txt names it"
expect scraped "no target of a-b"

printf 'quantum_library(a SOURCES other.cpp a.cpp)\n' >src/a/CMakeLists.txt
printf '#include "a/a.h"\n' >src/a/a.cpp
printf '#pragma once\n\nint A();\n' >src/a/a.h
rm src/a/long.h
printf 'targets: ["${HOST}:${PORT_A_B}"]\n' >infra/metrics/prometheus.yml
for check in $("$style" --list); do
  expect "$check"
done

# What was right and has changed is looked at again.
printf 'int  A();\n' >>src/a/a.cpp
expect layout "src/a/a.cpp:2"
