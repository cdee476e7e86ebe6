#pragma once

#include <optional>
#include <string>
#include <utility>

#include "tests/support/process.h"

namespace quantum::testing {

// The project's own paper exchange as a process, with a synthetic market, on a free port, in a temporary directory that
// also is the state directory of services under test: manifest, secrets, logs. The program quantum-paper-exchange must
// stand in `binaries` (a dependency of the test's target).
class PaperExchangeProcess {
 public:
  // `units` and `services` are added to the manifest below the keys of the same name, indented by two. `bind`: an IPv4
  // address of this machine.
  explicit PaperExchangeProcess(std::string binaries, const std::string& units = "", const std::string& services = "",
                                const std::string& bind = "127.0.0.1");

  // Starts it and returns when it is ready. On its journal, if it ran before.
  void Start();
  void Kill();                             // SIGKILL
  void Pause() { process_->Signal(19); }   // SIGSTOP
  void Resume() { process_->Signal(18); }  // SIGCONT

  int port() const { return port_; }
  // Sets a fault (exchange/paper/faults/fault.h); throws with the answer when it is refused. EndFaults takes all away.
  void Fault(const std::string& json) const;
  void EndFaults() const;
  int fault_port() const { return fault_port_; }
  const std::string& fault_token() const { return fault_token_; }
  const std::string& key() const { return key_; }
  const std::string& secret() const { return secret_; }
  std::string Manifest() const { return directory_.path() / "quantum.yml"; }
  std::string State() const { return directory_.path() / "state"; }
  // QUANTUM_MANIFEST and QUANTUM_STATE_DIR, for services that run beside it.
  std::vector<std::string> Environment() const;
  void WriteSecret(const std::string& name, const std::string& text) const;
  const std::filesystem::path& directory() const { return directory_.path(); }

 private:
  std::string binaries_;
  std::string bind_;
  TemporaryDirectory directory_;
  int port_;
  int fault_port_;
  std::string fault_token_;
  std::string key_;
  std::string secret_;
  std::optional<Process> process_;
};

// The status and the body of one request of any kind; nothing when it does not answer. `headers`: whole lines.
std::optional<std::pair<int, std::string>> HttpSend(int port, const std::string& method, const std::string& path,
                                                    const std::string& headers, const std::string& body,
                                                    const std::string& address = "127.0.0.1");
// The body of GET http://<address>:<port><path>; nothing when it does not answer. `status` 0 accepts any.
std::optional<std::string> HttpGet(int port, const std::string& path, int status = 200,
                                   const std::string& address = "127.0.0.1");

}  // namespace quantum::testing
