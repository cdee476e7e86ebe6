#include "bench/bus/redis_benchmark.h"

#include <fmt/format.h>

#include <stdexcept>

namespace quantum::bench {

double XaddRate(const Setting& setting, size_t payload_bytes, size_t entries) {
  const testing::RedisCluster& cluster = setting.cluster();
  const auto output = cluster.directory() / "redis-benchmark.log";
  std::filesystem::remove(output);
  testing::Process program(
      {.command = {"redis-benchmark", "-p", std::to_string(cluster.nodes()[cluster.AwaitMaster()].port), "--user",
                   "operator", "-a", cluster.operator_password(), "-q", "-c", "4", "-P", "64", "-n",
                   std::to_string(entries), "XADD", bus::StreamKey(kFamily), "*", "payload",
                   std::string(payload_bytes, 'x')},
       .output = output});
  // It has ended once it does not run any more; SIGTERM would cut it short.
  testing::Eventually(std::chrono::minutes(2), [&] { return !program.Running(); });
  const std::string text = testing::ReadFile(output);
  const size_t unit = text.rfind(" requests per second");
  const size_t colon = unit == std::string::npos ? unit : text.rfind(": ", unit);
  if (colon == std::string::npos) {
    throw std::runtime_error("redis-benchmark gives no rate:\n" + text);
  }
  return std::stod(text.substr(colon + 2, unit - colon - 2));
}

}  // namespace quantum::bench
