#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/postgres/access.h"
#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"

// Postgres' nodes, each asked by itself: what etcd holds of a node that is gone may be old. For fibers.
namespace quantum::operate {

struct NodeReport {
  std::string name;
  std::string trouble;  // why Patroni did not answer; empty when it did
  std::string state;    // of Postgres: "running", "starting", "creating replica", …
  bool primary = false;
  bool synchronous = false;          // a standby that commits wait for, as the primary says
  int64_t timeline = 0;              // 0: not known
  int64_t position = 0;              // in the write-ahead log, bytes: written by a primary, received by a standby
  std::optional<int64_t> lag_bytes;  // of a standby: what it has not received
};

struct ClusterReport {
  std::vector<NodeReport> nodes;      // in the order of the access
  std::optional<size_t> primary;      // nothing: there is none, or two
  std::optional<size_t> synchronous;  // the first one
  std::vector<std::string> problems;  // what is not as it should be, a sentence each
};

// What a node's GET /patroni says. https://patroni.readthedocs.io/en/latest/rest_api.html. Errors: kInternal.
// `synchronous` gets the names of the standbys that it waits for, if it is the primary.
Result<NodeReport> ReadNodeReport(const std::string& name, std::string_view body,
                                  std::vector<std::string>& synchronous);
// Fills in what only all of them together tell.
ClusterReport Judge(std::vector<NodeReport> nodes, const std::vector<std::string>& synchronous);

ClusterReport ReadCluster(fiber::Loop& loop, const PostgresAccess& access);

// Changes Patroni's configuration, which holds for all nodes (PATCH /config, a JSON object of what changes).
Status PatchConfiguration(fiber::Loop& loop, const PostgresAccess& access, size_t node, const std::string& json);

struct SwitchReport {
  std::string before;
  std::string after;
  Duration took{};  // from the request to a node that calls itself the primary
};

// Asks for another primary and waits for it: the synchronous standby, which has every commit. `planned`: the old one
// finishes first; otherwise it is not asked. kConflict: there is no primary, or no synchronous standby; kTimeout: none
// within 30 s. `on_primary` is called as soon as there is one, before Patroni has answered.
Result<SwitchReport> ChangePrimary(fiber::Loop& loop, const PostgresAccess& access, bool planned,
                                   const std::function<void()>& on_primary = {});

}  // namespace quantum::operate
