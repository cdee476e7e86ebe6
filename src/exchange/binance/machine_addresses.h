#pragma once

#include <string>
#include <vector>

namespace quantum::binance {

// The addresses of this machine's network interfaces as they are now, IPv4 and IPv6, as inet_ntop writes them; none
// where the kernel does not tell.
std::vector<std::string> MachineAddresses();

}  // namespace quantum::binance
