#include "exchange/binance/budget.h"

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
  const int weight_max = kind == Kind::kQuery
                             ? static_cast<int>(options_.limits.weight_max * (1.0 - options_.reserve_for_orders))
                             : options_.limits.weight_max;
  if (Count(weight_, now) >= weight_max) {
    return "request weight " + std::to_string(weight_.used) + " of " + std::to_string(weight_max) + " is used" +
           Until(weight_.until, now);
  }
  if (kind == Kind::kOrder && Count(orders_10s_, now) >= options_.limits.orders_10s_max) {
    return std::to_string(orders_10s_.used) + " orders in 10 s were sent" + Until(orders_10s_.until, now);
  }
  if (kind == Kind::kOrder && Count(orders_1m_, now) >= options_.limits.orders_1m_max) {
    return std::to_string(orders_1m_.used) + " orders in a minute were sent" + Until(orders_1m_.until, now);
  }
  return std::nullopt;
}

void Budget::OnSend(int weight, SteadyTime now) { Set(weight_, Count(weight_, now) + weight, minutes(1), now); }

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
