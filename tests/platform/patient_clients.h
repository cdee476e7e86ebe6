#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "platform/fiber/fiber.h"
#include "platform/http/client.h"
#include "tests/platform/stack.h"

namespace quantum::testing {

// Clients as a well-behaved caller writes them, with the platform's own HTTP client: refused connections, 429 and 503
// are tried again, as Retry-After says, for at most a minute. Each target is asked one request after the other by a
// fiber of its own until Stop.
class PatientClients {
 public:
  struct Target {
    std::string name;
    http::ClientRequest request;  // idempotent is set here
    std::set<int> good{200};      // the answers that are none of a failure
    std::string key_field{};      // a string of the JSON body that is another in every request (idempotency key)
  };
  struct Tally {
    int answered = 0;
    std::map<std::string, int> failed;  // by what was answered instead
    double slowest_s = 0;
  };

  // standbys: of http::ClientOptions.
  explicit PatientClients(std::vector<Target> targets, std::map<std::string, std::string> standbys = {});
  ~PatientClients() { Stop(); }
  PatientClients(const PatientClients&) = delete;
  PatientClients& operator=(const PatientClients&) = delete;

  // Finishes what is on its way.
  void Stop();
  std::map<std::string, Tally> tallies() const;
  // The fewest answers that any target has got.
  int fewest() const;

 private:
  void Ask(const Target& target, http::Client& client);

  const std::vector<Target> targets_;
  mutable std::mutex mutex_;
  std::map<std::string, Tally> tallies_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace quantum::testing
