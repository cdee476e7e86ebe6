#pragma once

#include <sys/types.h>

#include <string>

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

// To whom a new file is given; -1: as it is.
struct FileOwner {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

// Writes the whole file aside, fsyncs and renames: a reader sees the old or the new text, never a part. The file is a
// new one whatever lay there, also in a folder that belongs to somebody else.
Status WriteFileAtomically(const std::string& path, std::string_view text, unsigned mode, FileOwner owner = {});
Result<std::string> ReadFile(const std::string& path);
// Makes names created or renamed in the directory durable.
Status SyncDirectory(const std::string& path);

// The last lines of a text file, at most `lines`; empty when it cannot be read.
std::string Tail(const std::string& path, int lines);

}  // namespace quantum::operate
