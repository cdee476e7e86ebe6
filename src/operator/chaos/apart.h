#pragma once

#include <functional>
#include <string>

namespace quantum::operate::chaos {

// What the run was given by the kernel.
struct Apart {
  bool own_machine = false;  // namespaces of processes, mounts and network: nothing inside outlives the run
  std::string why_not;       // why there are none
};

// Runs body in a process of its own, so that nothing of it is left however it ends (its descendants included: they are
// awaited), and passes signals on to it. `own_machine`: in namespaces of its own, with a loopback and nothing else on
// its network, where the kernel gives them to us; only root is tried. Returns body's result, or 128 + the signal that
// ended it. `after`: stops what body may have left running that does not die with it; not called where namespaces take
// care of that. Precondition: one thread.
int RunApart(bool own_machine, const std::function<int(const Apart&)>& body, const std::function<void()>& after = {});

}  // namespace quantum::operate::chaos
