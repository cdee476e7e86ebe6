#pragma once

#include <string>

#include "platform/base/durable_file.h"
#include "platform/base/result.h"

// Where one platform keeps everything: the state directory and its folders.
namespace quantum::operate {

struct Layout {
  std::string root;  // absolute

  std::string Bin() const { return root + "/bin"; }    // copies of the programs
  std::string Etc() const { return root + "/etc"; }    // rendered configuration
  std::string Data() const { return root + "/data"; }  // <unit>/: what the servers keep
  std::string Log() const { return root + "/log"; }    // of the supervisor, of servers, and what units print
  std::string ServiceLog() const { return Log() + "/services"; }
  std::string Run() const { return root + "/run"; }  // sockets and records; nothing that must outlive a reboot
  std::string Secrets() const { return root + "/secrets"; }
  std::string Market() const { return root + "/market"; }  // recordings in use
  std::string ManifestFile() const { return Etc() + "/quantum.yml"; }
  std::string LaunchFile() const { return Etc() + "/launch.json"; }
  std::string Socket() const { return Run() + "/supervisor.sock"; }
  std::string Lock() const { return Run() + "/supervisor.lock"; }
  std::string UpLock() const { return root + "/up.lock"; }  // held while `up` prepares and starts
  std::string Records() const { return Run() + "/units"; }
  std::string StartedFile() const { return Run() + "/started"; }  // exists once everything has been ready
  std::string HaltFile() const { return Run() + "/halt.json"; }   // the emergency stop; read by execution
  std::string UnitOutput(const std::string& unit) const { return Log() + "/" + unit + ".out"; }
};

// /var/lib/quantum-trader for root, else $XDG_STATE_HOME/quantum-trader or ~/.local/state/quantum-trader; with a port
// offset N the name ends in -N.
Result<Layout> DefaultLayout(int port_offset);

// kInvalidArgument: the path is too long for the sockets in it.
Status CheckLength(const Layout& layout);

// For who asks without sudo about a platform that was started with it: "; root's is in /var/lib/quantum-trader: use
// sudo". Empty when there is none, and for root.
std::string HintOfRoot(const Layout& layout);

// The last lines of a text file, at most `lines`; empty when it cannot be read.
std::string Tail(const std::string& path, int lines);

}  // namespace quantum::operate
