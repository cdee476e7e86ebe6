#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "tests/support/process.h"

// For tests of the lifecycle: the sample service as a real process on a free port, and a client that tells a refused
// request from a lost one.
namespace quantum::lifecycle {

struct Answer {
  enum class Kind {
    kAnswered,
    kRefused,  // no connection: nothing was sent
    kLost      // sent, and no whole answer came
  } kind = Kind::kLost;
  int status = 0;
  std::string body;
  bool silent = false;  // lost without one byte of an answer
};

// One connection that is kept alive between calls.
class Caller {
 public:
  explicit Caller(int port) : port_(port) {}
  ~Caller() { Close(); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  Answer Call(const std::string& method, const std::string& path, const std::string& token = "",
              const std::string& body = "");
  void Close();

 private:
  bool Connect();
  Answer Receive();

  int port_;
  int fd_ = -1;
};

class ServiceProcessTest : public ::testing::Test {
 protected:
  ServiceProcessTest();

  std::string State() const { return directory_.path().string() + "/state"; }
  std::string Log() const;
  std::string Output() const;
  // A second unit `peer` on a port of its own, that `sample` depends on; environment SAMPLE_UNIT=peer runs it.
  void UsePeer();
  void WriteManifest(const std::string& services = "{}", const std::string& more_units = "");
  testing::Process Start(const std::vector<std::string>& arguments = {});
  testing::Process StartAndWait();
  Answer Get(const std::string& path) const { return Caller(port_).Call("GET", path); }
  Answer Post(const std::string& path, const std::string& token) const {
    return Caller(port_).Call("POST", path, token, "{}");
  }
  // Waits until the process says that it handles a request of /api/sample/slow.
  bool SlowIsInFlight() const;
  // -1 when it did not end by itself.
  static int ExitCode(testing::Process& process, std::chrono::milliseconds timeout = std::chrono::seconds(10),
                      int signal = SIGTERM);

  testing::TemporaryDirectory directory_;
  int port_;
  std::string operator_token_;
  std::string service_token_;
  std::vector<std::string> environment_;  // added for the processes started from now on
};

}  // namespace quantum::lifecycle
