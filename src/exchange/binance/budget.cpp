#include "exchange/binance/budget.h"

#include <fmt/format.h>

#include <charconv>

namespace quantum::binance {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

std::optional<int> Number(const http::Headers& headers, std::string_view name) {
  const auto text = headers.Find(name);
  int number = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc() || number < 0) {
    return std::nullopt;
  }
  return number;
}

std::string Until(SteadyTime until, SteadyTime now) {
  return " (for another " + std::to_string(std::chrono::ceil<seconds>(until - now).count()) + " s)";
}

}  // namespace

void Budget::Set(Window& window, int used, Duration length, SteadyTime now) {
  // A smaller number means that the venue began a new window.
  if (now >= window.until || used < window.used) {
    window.until = now + length;
  }
  window.used = used;
}

std::optional<std::string> Budget::Refuse(Kind kind, SteadyTime now) const {
  if (now < blocked_until_) {
    return "the venue told us to stop" + Until(blocked_until_, now);
  }
  if (kind == Kind::kClock) {
    return std::nullopt;
  }
  const auto full = [&](const Window& window, int limit, const char* what) -> std::optional<std::string> {
    const int max = Share(kind, limit);
    if (Count(window, now) < max) {
      return std::nullopt;
    }
    return fmt::format("{} of {} {} are used{}", window.used, max, what, Until(window.until, now));
  };
  std::optional<std::string> refusal = full(weight_, options_.limits.weight_max, "of request weight");
  if (!refusal && IsOrder(kind)) {
    refusal = full(orders_10s_, options_.limits.orders_10s_max, "orders in 10 s");
  }
  if (!refusal && IsOrder(kind)) {
    refusal = full(orders_1m_, options_.limits.orders_1m_max, "orders in a minute");
  }
  return refusal;
}

int Budget::Share(Kind kind, int limit) const {
  const double share = kind == Kind::kEntry ? options_.entries_max : kind == Kind::kQuery ? options_.queries_max : 1.0;
  return static_cast<int>(limit * share);
}

void Budget::OnSend(Kind kind, int weight, SteadyTime now) {
  Set(weight_, Count(weight_, now) + weight, minutes(1), now);
  if (IsOrder(kind)) {
    Set(orders_10s_, Count(orders_10s_, now) + 1, seconds(10), now);
    Set(orders_1m_, Count(orders_1m_, now) + 1, minutes(1), now);
  }
}

void Budget::OnAnswer(const http::Response& response, SteadyTime now) {
  if (const auto used = Number(response.headers, "X-MBX-USED-WEIGHT-1M")) {
    Set(weight_, *used, minutes(1), now);
  }
  if (const auto used = Number(response.headers, "X-MBX-ORDER-COUNT-10S")) {
    Set(orders_10s_, *used, seconds(10), now);
  }
  if (const auto used = Number(response.headers, "X-MBX-ORDER-COUNT-1M")) {
    Set(orders_1m_, *used, minutes(1), now);
  }
  if (response.status == 429 || response.status == 418) {
    const int wait = Number(response.headers, "Retry-After").value_or(response.status == 429 ? 10 : 120);
    blocked_until_ = std::max(blocked_until_, now + seconds(wait));
  }
}

}  // namespace quantum::binance
