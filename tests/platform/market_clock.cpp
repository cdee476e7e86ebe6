#include "tests/platform/market_clock.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "tests/platform/http_probe.h"
#include "tests/platform/stack.h"

namespace quantum::testing {

namespace json = boost::json;

namespace {

constexpr milliseconds kPollInterval(50);

}  // namespace

void MarketClock::Start(int port) {
  thread_ = std::thread([this, port] { Run(port); });
}

void MarketClock::Stop() {
  stop_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
}

void MarketClock::Run(int port) {
  while (!stop_) {
    Sample sample{.asked_ms = NowMs()};
    const Answer answer = Send({.port = port, .path = "/paper/market", .timeout = seconds(2)});
    sample.answered_ms = NowMs();
    boost::system::error_code error;
    const json::value market = json::parse(answer.body, error);
    if (answer.end == Answer::End::kAnswered && answer.status == 200 && !error) {
      sample.position_ms = market.at("position").to_number<int64_t>();
      sample.shift_ms = market.at("market_time").to_number<int64_t>() - sample.position_ms;
      sample.speed = std::max(1, std::atoi(market.at("speed").as_string().c_str()));
      const std::lock_guard lock(mutex_);
      samples_.push_back(sample);
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

std::optional<MarketClock::Span> MarketClock::At(int64_t unix_ms) const {
  const std::lock_guard lock(mutex_);
  // Times are cut to milliseconds: only what lies in another millisecond is surely before or after.
  const auto after =
      std::find_if(samples_.begin(), samples_.end(), [&](const Sample& sample) { return sample.asked_ms > unix_ms; });
  if (after == samples_.end()) {
    return std::nullopt;
  }
  auto before = after;
  while (before != samples_.begin() && before->answered_ms >= unix_ms) {
    --before;
  }
  if (before->answered_ms >= unix_ms) {
    return std::nullopt;
  }
  if (before->shift_ms == after->shift_ms) {
    return Span{.from_ms = before->position_ms, .to_ms = after->position_ms};
  }
  // The old process went on from the first answer, the new one came to the second from a little before.
  const int64_t passed = (after->answered_ms - before->asked_ms) * before->speed;
  return Span{.from_ms = std::min(before->position_ms, after->position_ms - passed),
              .to_ms = std::max(before->position_ms + passed, after->position_ms),
              .restarted = true};
}

bool MarketClock::AwaitAfter(int64_t unix_ms, std::chrono::seconds timeout) const {
  return Eventually(timeout, [&] {
    const std::lock_guard lock(mutex_);
    return !samples_.empty() && samples_.back().asked_ms > unix_ms;
  });
}

}  // namespace quantum::testing
