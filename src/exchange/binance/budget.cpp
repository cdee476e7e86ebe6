#include "exchange/binance/budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "exchange/binance/outcome.h"

namespace quantum::binance {
namespace {

using std::chrono::seconds;

constexpr int kTooManyRequests = -1003;

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

void Budget::Window::Spend(int amount, SteadyTime now) {
  if (now >= until) {
    used = 0;
    until = now + length;
  }
  used += amount;
}

void Budget::Window::Learn(int told, SteadyTime sent, SteadyTime now) {
  // Answers overtake each other: a smaller number means that the venue began a new window only if the request went out
  // after the last number came in, or if no overtaking explains it.
  const bool anew = now >= until || (told < used && (sent >= learned || told < used / 2));
  if (anew) {
    until = now + length;
  }
  used = anew ? told : std::max(used, told);
  learned = now;
}

std::optional<std::string> Budget::Refuse(Kind kind, int weight, SteadyTime now) const {
  if (now < blocked_until_) {
    return "the venue told us to stop" + Until(blocked_until_, now);
  }
  if (kind == Kind::kVital) {
    return std::nullopt;
  }
  const auto full = [&](const Window& window, int needed, int limit, const char* what) -> std::optional<std::string> {
    const int max = Share(kind, limit);
    const int count = window.Count(now);
    if (count + std::max(needed, 1) <= max) {
      return std::nullopt;
    }
    return fmt::format("{} of {} {} are used{}", count, max, what, Until(std::max(window.until, now), now));
  };
  std::optional<std::string> refusal = full(weight_, weight, options_.limits.weight_max, "of request weight");
  if (!refusal && IsOrder(kind)) {
    refusal = full(orders_10s_, 1, options_.limits.orders_10s_max, "orders in 10 s");
  }
  if (!refusal && IsOrder(kind)) {
    refusal = full(orders_1m_, 1, options_.limits.orders_1m_max, "orders in a minute");
  }
  return refusal;
}

int Budget::Share(Kind kind, int limit) const {
  const double share = kind == Kind::kEntry ? options_.entries_max : kind == Kind::kQuery ? options_.queries_max : 1.0;
  return static_cast<int>(limit * share);
}

Budget::Sent Budget::OnSend(Kind kind, int weight, SteadyTime now) {
  weight_.on_the_way += weight;
  orders_10s_.on_the_way += IsOrder(kind);
  orders_1m_.on_the_way += IsOrder(kind);
  return {kind, weight, now};
}

void Budget::Arrive(const Sent& sent) {
  weight_.on_the_way -= sent.weight;
  orders_10s_.on_the_way -= IsOrder(sent.kind);
  orders_1m_.on_the_way -= IsOrder(sent.kind);
}

void Budget::OnAnswer(const Sent& sent, const http::Response& response, SteadyTime now) {
  Arrive(sent);
  const auto take = [&](Window& window, const char* header, int spent) {
    if (const auto told = Number(response.headers, header)) {
      window.Learn(*told, sent.at, now);
    } else if (spent > 0) {
      window.Spend(spent, now);
    }
  };
  take(weight_, "X-MBX-USED-WEIGHT-1M", sent.weight);
  take(orders_10s_, "X-MBX-ORDER-COUNT-10S", IsOrder(sent.kind));
  take(orders_1m_, "X-MBX-ORDER-COUNT-1M", IsOrder(sent.kind));
  const auto error = response.status >= 400 && response.status < 500 ? ReadVenueError(response.body) : std::nullopt;
  if (response.status == 429 || response.status == 418 || (error && error->code == kTooManyRequests)) {
    const int wait = Number(response.headers, "Retry-After").value_or(response.status == 418 ? 120 : 10);
    blocked_until_ = std::max(blocked_until_, now + seconds(wait));
  }
}

void Budget::OnNoAnswer(const Sent& sent, bool arrived, SteadyTime now) {
  Arrive(sent);
  if (!arrived) {
    return;
  }
  weight_.Spend(sent.weight, now);
  if (IsOrder(sent.kind)) {
    orders_10s_.Spend(1, now);
    orders_1m_.Spend(1, now);
  }
}

}  // namespace quantum::binance
