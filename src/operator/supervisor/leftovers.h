#pragma once

#include <string>
#include <vector>

#include "operator/process/process.h"
#include "operator/state/layout.h"
#include "platform/config/manifest.h"

// Servers that outlive the unit that started them. Patroni leaves Postgres running when it is killed, so that the next
// Patroni finds it again; when the platform stops there is no next one.
namespace quantum::operate {

struct Leftover {
  std::string unit;
  Identity process;
};

// What the units' pid files name, if it runs and its command speaks of this state directory: a pid may be used again.
std::vector<Leftover> Leftovers(const Layout& layout, const config::Manifest& manifest);

}  // namespace quantum::operate
