#!/bin/bash
# style.sh CHECK [FOLDER]: one rule of style over the checkout in FOLDER (default: this one). Prints what breaks it;
# exit code 0: nothing does. `./quantum test` runs every check; `for check in $(style.sh --list)` does so by hand.
set -euo pipefail
export LC_ALL=C.UTF-8  # lines are counted in characters

longest=500  # lines of a file; 350 is long

# The folders of src, the lowest first (docs/architecture.md).
lowest_first=(platform/{base,fiber,metrics,log,config,resilience,http,redis,postgres,bus,lifecycle} trading exchange
  services operator)
# What tests beside the code share, and what uses tests/support for them: not *_test.cpp, but built into no service.
parts_of_tests=(src/platform/lifecycle/sample_process.{h,cpp} src/services/{execution,risk_safety}/integration_world.h
  src/services/execution/paper_world.h)

sources() { find src tests bench -type f \( -name '*.cpp' -o -name '*.h' \) | sort; }
everything() {
  find src tests bench docs infra cmake .ci CMakeLists.txt CMakePresets.json README.md CHANGELOG.md packages.txt quantum \
    quantum.yml -type f ! -path 'tests/style/*' 2>/dev/null | sort
}

# The layout of .clang-format; to mend: clang-format-14 -i FILE. Laying everything out takes seconds of both cores, so
# the sums of what was right are kept and only what has changed since is looked at.
layout() {
  command -v clang-format-14 >/dev/null || { echo "clang-format-14 is missing: apt-get install clang-format-14"; return; }
  local right=build/style.layout rules now wrong
  rules="$({ clang-format-14 --version; cat .clang-format; } | sha256sum | cut -c 1-64)"
  now="$(sources | xargs sha256sum | sed "s/^/$rules /" | sort)"
  wrong="$(comm -23 <(echo "$now") <(cat "$right" 2>/dev/null || true) | cut -d ' ' -f 4 |
    nice xargs -r -P "$(nproc)" -n 40 clang-format-14 --dry-run -Werror 2>&1 |
    sed -n 's/^\([^ :]*\):\([0-9]*\):.*error.*/\1:\2: clang-format-14 lays it out otherwise/p')" || true
  [[ -z "$wrong" ]] || { echo "$wrong"; return; }
  { mkdir -p build && echo "$now" >"$right.$$" && mv "$right.$$" "$right"; } 2>/dev/null || true
}

# A raw string is what somebody sent, to the letter.
columns() {
  sources | xargs perl -CSD -ne '
    $raw = 1 if /\bR"[A-Za-z]*\(/;
    print "$ARGV:$.: longer than 120 columns\n" if length > 121 && !$raw;
    $raw = 0 if /\)[A-Za-z]*"[^"]*$/ || eof;
    close ARGV if eof;'
}

lengths() {
  sources | xargs wc -l | awk -v most="$longest" '$2 != "total" && $1 > most {print $2 ": " $1 " lines; split it"}'
}

# What waits for another day is an issue, not a comment; and the project speaks of no machine of ours.
words() {
  everything | xargs grep -nHIwE 'TODO|FIXME|XXX|HACK' || true
  everything | xargs grep -nHIE '(^|[^a-z.])/work/' || true
}

pragmas() { sources | grep '\.h$' | xargs grep -L '^#pragma once$' | sed 's/$/: no #pragma once/'; }

# A file that no CMakeLists.txt names is built by nobody: the nearest one must, or take all of its folder.
dead_files() {
  local lists
  mapfile -t lists < <(find src tests bench -name CMakeLists.txt)
  sources | grep '\.cpp$' | awk '
    FILENAME != "-" {
      folder = FILENAME
      sub("/[^/]*$", "", folder)
      known[folder]
      if (/GLOB.*\/\*\.cpp/) all[folder]
      count = split($0, words, "[ ()]+")
      for (i = 1; i <= count; ++i) {
        sub(".*}/", "", words[i])  # ${CMAKE_CURRENT_SOURCE_DIR}/
        named[folder "/" words[i]]
      }
      next
    }
    {
      folder = $0
      while (sub("/[^/]*$", "", folder) && !(folder in known)) {}
      if (!(folder in all) && !($0 in named)) print $0 ": no CMakeLists.txt names it"
    }' "${lists[@]}" -
}

# Prometheus reads every service of the manifest (docs/adding-a-service.md).
scraped() {
  awk '/^units:/ {units = 1} /^[a-z]/ && !/^units:/ {units = 0}
       units && /^  [a-z0-9-]+:/ {unit = $1; sub(":", "", unit)} units && /^    kind: service/ {print unit}' quantum.yml |
    while read -r unit; do
      variable="PORT_$(tr 'a-z-' 'A-Z_' <<<"$unit")"
      grep -q "\${$variable}" infra/metrics/prometheus.yml || echo "infra/metrics/prometheus.yml: no target of $unit"
    done
}

# Clock and chance are arguments (docs/architecture.md): of an id too, but for that of a request or a log line that
# belongs to nothing.
bare_ids() {
  sources | grep -E '^src/(trading|exchange|services|operator)/' | grep -v '_test\.cpp$' |
    xargs grep -nHF 'NewUuid()' | sed 's/$/   (which clock, which random source?)/' || true
}

# A folder of src includes itself and what lies lower, tests too; services do not know each other, nor does the operator
# know them. tests/support is for tests.
directions() {
  local ours='platform|trading|exchange|services|operator|tests|bench'
  sources | grep '^src/' | xargs grep -nHE "^ *# *include *(\"|<($ours)/)" |
    awk -F '[:"<>]' -v order="${lowest_first[*]}" -v parts_of_tests="${parts_of_tests[*]}" '
      function folder_of(path, names) {
        split(path, names, "/")
        return names[1] ~ /^(platform|services)$/ ? names[1] "/" names[2] : names[1]
      }
      function height(folder) { return level[folder ~ /^services\// ? "services" : folder] }
      BEGIN {
        for (i = split(order, folders, " "); i > 0; --i) level[folders[i]] = i
        level["operator"] = level["services"]
      }
      {
        from = folder_of(substr($1, length("src/") + 1))
        to = folder_of($4)
        if (to == "tests") is_free = $1 ~ /_test\.cpp$/ || index(" " parts_of_tests " ", " " $1 " ")
        else is_free = from == to || height(to) && height(to) < height(from)
        if (!is_free) print $1 ":" $2 ": src/" from " may not include " $4
      }'
}

checks=(layout columns lengths words pragmas dead_files scraped bare_ids directions)
case "${1:-}" in
  --list) printf '%s\n' "${checks[@]}"; exit 0 ;;
esac
[[ $# -ge 1 && " ${checks[*]} " == *" $1 "* ]] || { echo "usage: style.sh --list | CHECK [FOLDER]" >&2; exit 2; }
cd "${2:-$(dirname "${BASH_SOURCE[0]}")/../..}"
found="$("$1" || true)"
[[ -z "$found" ]] || { echo "$found"; exit 1; }
