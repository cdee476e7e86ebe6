#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/bus/lease.h"
#include "platform/fiber/fiber.h"
#include "platform/redis/client.h"

namespace quantum::bus {

// Asks for a group's leases and renews them, over a connection of its own. One fiber.
class LeaseKeeper {
 public:
  struct Callbacks {
    std::function<void(const std::string&)> gained;  // family
    std::function<void(const std::string&)> lost;
  };

  // lease.length zero: there are no leases, and every stream is always ours.
  LeaseKeeper(redis::Client& redis, std::string service, Lease::Options lease, int replicas_required,
              const Clock& clock, Callbacks callbacks);

  void Add(const std::string& family);
  void Run();  // the fiber's body; returns after Stop()
  void Stop() { stop_.Set(); }
  // After Run has returned and everything read was acknowledged: the next one need not wait.
  void Release(Duration timeout);

  bool fenced() const { return lease_.length > Duration(0); }  // whether there are leases
  uint64_t Token(const std::string& family) const;             // of the present tenure; 0 while standing by
  bool Runs(const std::string& family, uint64_t token) const;  // this tenure is the present one, and its time runs
  void Refused(const std::string& family, uint64_t token);     // by the broker
  std::string holder(const std::string& family) const;         // as last heard; empty: nobody

  // What the broker is told with everything that only the holder may do.
  std::string Key(const std::string& family) const;
  const std::string& session() const { return lease_.session; }

 private:
  Status Round(redis::Connection& connection);
  redis::Command Word(const std::string& family, const Lease::Question& question) const;
  void Report(const std::string& family, uint64_t before, Lease::Change change);

  redis::Client& redis_;
  const std::string service_;
  const Lease::Options lease_;
  const int replicas_required_;
  const Clock& clock_;
  const Callbacks callbacks_;
  std::map<std::string, Lease> leases_;  // by family
  fiber::Event stop_;
};

}  // namespace quantum::bus
