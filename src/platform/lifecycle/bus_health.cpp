#include "platform/lifecycle/bus_health.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace quantum::lifecycle {

namespace {

int64_t Seconds(Duration duration) { return std::chrono::duration_cast<std::chrono::seconds>(duration).count(); }

}  // namespace

std::optional<std::string> OutboxWaits(const bus::Bus::Health& health) {
  if (health.oldest_waiting <= kOutboxWaitMax) {
    return std::nullopt;
  }
  return fmt::format("{} events wait for the broker, the oldest for {} s: {}", health.outbox_pending,
                     Seconds(health.oldest_waiting), health.trouble.empty() ? "it is slow" : health.trouble);
}

std::string RedisDetails(const redis::Client::Health& health) {
  const auto address = [](const redis::Endpoint& endpoint) {
    return fmt::format("{}:{}", endpoint.host, endpoint.port);
  };
  boost::json::array replicas;
  for (const redis::Client::Replica& replica : health.replicas) {
    replicas.push_back({{"address", address(replica.endpoint)}, {"behind_bytes", replica.behind_bytes}});
  }
  return boost::json::serialize(boost::json::object{{"master", address(health.master)},
                                                    {"replicas", std::move(replicas)},
                                                    {"sentinels_reached", health.sentinels_reached},
                                                    {"sentinels_agree", health.sentinels_agree}});
}

std::string BusDetails(const bus::Bus::Health& health) {
  boost::json::array readers;
  for (const bus::Bus::Reader& reader : health.readers) {
    readers.push_back(
        {{"stream", reader.family}, {"group", reader.group}, {"active", reader.active}, {"process", reader.process}});
  }
  return boost::json::serialize(boost::json::object{{"outbox_pending", health.outbox_pending},
                                                    {"outbox_oldest_seconds", Seconds(health.oldest_waiting)},
                                                    {"journal_bytes", health.journal_bytes},
                                                    {"readers", std::move(readers)}});
}

}  // namespace quantum::lifecycle
