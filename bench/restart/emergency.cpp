#include "bench/restart/emergency.h"

#include <boost/json.hpp>
#include <optional>
#include <thread>

#include "operator/commands/api.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;

constexpr Duration kGoneMax = 30s;
constexpr Duration kLookAgain = 20ms;

double MsSince(SteadyTime begin) {
  return std::chrono::duration<double, std::milli>(SystemClock().Steady() - begin).count();
}

}  // namespace

Result<EmergencyStop> StopInEmergency(const operate::Running& running, FullDesk& desk) {
  EmergencyStop stop;
  std::optional<Result<http::Response>> answer;
  const SteadyTime begin = SystemClock().Steady();
  std::thread call([&] {
    answer.emplace(operate::CallService(running, "execution", "POST", "/api/execution/halt",
                                        R"({"reason": "bench-restart", "close": false, "by": "operator"})", 10s));
    stop.answered = MsSince(begin);
  });
  Status looked;
  while (looked.ok() && stop.gone == 0) {
    const auto holding = desk.AtExchange();
    if (!holding.ok()) {
      looked = holding.error();
    } else if (holding->open_orders == holding->positions) {
      stop.gone = MsSince(begin);
    } else if (SystemClock().Steady() - begin > kGoneMax) {
      looked = Error{Errc::kTimeout, "entries stay at the exchange after the emergency stop"};
    }
    fiber::SleepFor(kLookAgain);
  }
  call.join();
  QUANTUM_CHECK(looked);
  if (!answer->ok()) {
    return answer->error();
  }
  const boost::json::value report = boost::json::parse((*answer)->body);
  stop.cancelled = static_cast<int>(report.at("cancelled").as_int64());
  return stop;
}

}  // namespace quantum::bench
