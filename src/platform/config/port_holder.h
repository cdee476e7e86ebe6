#pragma once

#include <string>

namespace quantum::config {

// Who listens on a TCP port of this machine, for error messages: "nginx (pid 4711)", or "a process of another user"
// when the kernel does not tell us; empty when nobody listens. Reads /proc.
std::string PortHolder(int port);

}  // namespace quantum::config
