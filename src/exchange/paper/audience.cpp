#include "exchange/paper/audience.h"

#include <fmt/format.h>

#include "platform/log/log.h"

namespace quantum::paper {
namespace {

using namespace std::chrono_literals;

constexpr Duration kAwaitMax = 2min;
constexpr Duration kLook = 50ms;
constexpr Duration kAnswerMax = 1s;

}  // namespace

Audience::Audience(lifecycle::Service& service) : service_(service) {
  for (const config::Unit& unit : service.manifest().units()) {
    const bool answers = unit.kind == config::Unit::Kind::kService && unit.ready.kind == config::Probe::Kind::kHttp;
    if (answers && unit.port != 0 && unit.name != service.spec().unit) {
      missing_.push_back(unit.name);
    }
  }
}

void Audience::Await() {
  http::Client client(service_.loop(), {.attempts_max = 1}, service_.random(), service_.clock());
  const SteadyTime until = service_.clock().Steady() + kAwaitMax;
  do {
    std::erase_if(missing_, [&](const std::string& unit) {
      const auto answer = client.Send({.url = service_.UrlOf(unit, "/health/ready"), .timeout = kAnswerMax});
      return answer.ok() && answer->status == 200;
    });
  } while (!missing_.empty() && service_.clock().Steady() < until && !service_.stopping().WaitFor(kLook));
  if (!missing_.empty()) {
    log::Warning("the market speeds up without services that are not ready",
                 {{"units", fmt::format("{}", fmt::join(missing_, ", "))}});
  }
}

}  // namespace quantum::paper
