#pragma once

#include <vector>

#include "platform/config/manifest.h"

namespace quantum::config {

// The mapping `units`, in the order of the file. Complaints go to the section: bad values, unknown dependencies,
// cycles.
std::vector<Unit> ReadUnits(Section& units);

// The ports from which the kernel takes those of outgoing connections, first and last.
struct PortRange {
  int first = 32768;
  int last = 60999;
};
PortRange EphemeralPorts();  // /proc/sys/net/ipv4/ip_local_port_range

// Ports must differ from each other and, with the offset, stay in 1..65535 and, with an offset other than 0, out of the
// ephemeral range. Complaints go to the section.
void CheckPorts(Section& units, const std::vector<Unit>& list, int offset, PortRange ephemeral);

}  // namespace quantum::config
