#!/bin/bash
# Each check of style.sh finds what breaks its rule, in a checkout of a few bad files, and passes once they are mended.
set -euo pipefail
style="$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/style.sh"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"/{src/{a,platform/{base,http},trading,services/{b,c},operator},tests,bench,infra/metrics}
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
includes() { printf '#pragma once\n\n#include "%s"\n' "$2" >"src/$1"; }  # FILE, HEADER
includes platform/base/up.h services/b/b.h
includes platform/base/beside.h platform/http/http.h
includes services/b/other.h services/c/c.h
includes operator/up.h services/b/b.h
includes trading/test.h tests/support/process.h
printf '#include <exchange/venue.h>\n' >src/trading/up_test.cpp
printf 'const std::string id = NewUuid();\n' >src/services/b/id.cpp

expect layout "src/a/a.cpp:1"
expect columns "src/a/a.cpp:1: longer"
expect lengths "src/a/long.h: 700 lines"
expect words "src/a/a.cpp:2"
expect pragmas "src/a/a.h: no #pragma once"
expect dead_files "src/a/a.cpp: no CMakeLists.txt names it"
expect scraped "no target of a-b"
expect bare_ids "src/services/b/id.cpp:1"
expect directions "src/platform/base/up.h:3: src/platform/base may not include services/b/b.h"
expect directions "src/platform/base/beside.h:3: src/platform/base may not include platform/http/http.h"
expect directions "src/services/b/other.h:3: src/services/b may not include services/c/c.h"
expect directions "src/operator/up.h:3: src/operator may not include services/b/b.h"
expect directions "src/trading/test.h:3: src/trading may not include tests/support/process.h"
expect directions "src/trading/up_test.cpp:1: src/trading may not include exchange/venue.h"

printf 'quantum_library(a SOURCES other.cpp a.cpp)\n' >src/a/CMakeLists.txt
printf '#include "a/a.h"\n' >src/a/a.cpp
printf '#pragma once\n\nint A();\n' >src/a/a.h
rm src/a/long.h
printf 'targets: ["${HOST}:${PORT_A_B}"]\n' >infra/metrics/prometheus.yml
rm src/platform/base/*.h src/trading/test.h src/services/b/id.cpp
includes platform/http/http.h platform/base/result.h
includes services/b/other.h services/b/b.h
includes operator/up.h exchange/venue.h
printf 'quantum_test(trading SOURCES up_test.cpp)\n' >src/trading/CMakeLists.txt
printf '#include "platform/http/http.h"\n#include "tests/support/process.h"\n' >src/trading/up_test.cpp
for check in $("$style" --list); do
  expect "$check"
done

# What was right and has changed is looked at again.
printf 'int  A();\n' >>src/a/a.cpp
expect layout "src/a/a.cpp:2"
