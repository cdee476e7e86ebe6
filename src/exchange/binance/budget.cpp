#include "exchange/binance/budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "exchange/binance/outcome.h"

namespace quantum::binance {
namespace {

using std::chrono::seconds;

constexpr int kTooManyRequests = -1003;
constexpr int kTooManyOrders = -1015;

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

Budget::Known Budget::Window::Send(int amount, SteadyTime now) {
  on_the_way_ += amount;
  return {Used(now), numbers_};
}

void Budget::Window::Learn(int told, int amount, const Known& when_sent, SteadyTime now) {
  // What was told before a request went out the venue had counted before it came: less than that, and a new window has
  // begun in between. Answers overtake each other, so that what was told since may be of the new one.
  if (told < when_sent.used + amount) {
    while (!told_.empty() && told_.front().ordinal <= when_sent.numbers) {
      told_.pop_front();
    }
    until_ = now + length_;
  }
  Push(told, now);
}

void Budget::Window::Push(int used, SteadyTime now) {
  if (now >= until_) {
    told_.clear();
    until_ = now + length_;
  }
  while (!told_.empty() && told_.back().used <= used) {
    told_.pop_back();
  }
  told_.push_back({++numbers_, used});
}

std::optional<std::string> Budget::Refuse(Kind kind, int weight, SteadyTime now) const {
  const SteadyTime blocked_until = IsOrder(kind) ? std::max(blocked_until_, orders_blocked_until_) : blocked_until_;
  if (now < blocked_until) {
    return "the venue told us to stop" + Until(blocked_until, now);
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
    return fmt::format("{} of {} {} are used{}", count, max, what, Until(std::max(window.until(), now), now));
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
  return {kind, weight, weight_.Send(weight, now), orders_10s_.Send(IsOrder(kind), now),
          orders_1m_.Send(IsOrder(kind), now)};
}

void Budget::Arrive(const Sent& sent) {
  weight_.Arrive(sent.weight);
  orders_10s_.Arrive(IsOrder(sent.kind));
  orders_1m_.Arrive(IsOrder(sent.kind));
}

void Budget::OnAnswer(const Sent& sent, const http::Response& response, SteadyTime now) {
  Arrive(sent);
  const auto error = response.status >= 400 && response.status < 500 ? ReadVenueError(response.body) : std::nullopt;
  const bool too_many_orders = error && error->code == kTooManyOrders;
  const auto take = [&](Window& window, const char* header, int spent, const Known& when_sent) {
    if (const auto told = Number(response.headers, header)) {
      window.Learn(*told, spent, when_sent, now);
    } else if (spent > 0) {
      window.Spend(spent, now);
    }
  };
  const int counted = IsOrder(sent.kind) && !too_many_orders;
  take(weight_, "X-MBX-USED-WEIGHT-1M", sent.weight, sent.weight_1m);
  take(orders_10s_, "X-MBX-ORDER-COUNT-10S", counted, sent.orders_10s);
  take(orders_1m_, "X-MBX-ORDER-COUNT-1M", counted, sent.orders_1m);
  if (response.status == 429 || response.status == 418 || too_many_orders ||
      (error && error->code == kTooManyRequests)) {
    // The limit of orders is the account's and stops nothing else: what cancels goes on.
    SteadyTime& until = too_many_orders && response.status != 418 ? orders_blocked_until_ : blocked_until_;
    const int wait = std::max(1, Number(response.headers, "Retry-After").value_or(response.status == 418 ? 120 : 10));
    until = std::max(until, now + seconds(wait));
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
