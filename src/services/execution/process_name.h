#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

// A name that says which process of which machine it is, so that another one of that machine can tell that it has
// ended.
namespace quantum::execution {

// "<boot id>/<pid namespace>/<pid>/<start time>". Empty: /proc does not tell.
std::string ProcessName(pid_t pid);

// For certain: it ran under this kernel and in this pid namespace, and all of it is gone, its sockets closed. False
// when it runs, when only its parent has not taken note of its end yet, and when it cannot be told from here.
bool HasEnded(std::string_view process_name);

}  // namespace quantum::execution
