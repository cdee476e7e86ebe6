#include "operator/bus/connect.h"

#include "platform/config/secrets.h"
#include "platform/lifecycle/servers.h"
#include "platform/log/setup.h"

namespace quantum::operate {

Result<RedisAccess> FindRedis(const Running& running) {
  const std::string secrets = running.layout.Secrets();
  RedisAccess access;
  QUANTUM_TRY(access.options, lifecycle::RedisOptions(running.manifest, [&](std::string_view name) {
                return config::ReadSecret(secrets, name);
              }));
  access.options.user = "operator";
  access.options.secret = std::string(config::kRedisOperator);
  QUANTUM_TRY(access.options.password, config::ReadSecret(secrets, config::kRedisOperator));
  for (const config::Unit& unit : running.manifest.units()) {
    if (unit.name.starts_with("redis-")) {
      access.nodes.push_back({running.manifest.AddressOf(unit.name), running.manifest.Port(unit.name)});
    }
  }
  return access;
}

Status InFiber(const std::function<Status(fiber::Loop&)>& body) {
  log::SetLevel(log::Level::kError);  // a command's answer is its output
  fiber::Loop loop("command");
  Status status;
  loop.Spawn([&] {
    status = body(loop);
    loop.Stop();
  });
  loop.Run();
  return status;
}

}  // namespace quantum::operate
