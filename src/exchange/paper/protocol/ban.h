#pragma once

#include <algorithm>
#include <cstdint>

// Whoever goes on though his requests weigh too much (429, -1003) is banned from his address: 418, for 2 minutes the
// first time and up to 3 days for those who do it again (developers.binance.com, USD-M futures, "Limits"). Times in ms
// of the server.
namespace quantum::paper {

class Ban {
 public:
  // How much Binance bears it does not say. What was under way when the limit was met is no offence here, and ten
  // requests are not a mistake any more.
  static constexpr int64_t kGraceMs = 1'000;
  static constexpr int kOffencesMax = 10;
  static constexpr int64_t kFirstMs = 2 * 60'000;
  static constexpr int64_t kLongestMs = 3 * 24 * 3'600'000;

  // A request was refused since it weighs too much. `window`: the minute whose limit is met.
  void OnRefused(int64_t window, int64_t now_ms) {
    if (window != window_) {
      window_ = window;
      since_ms_ = now_ms;
      offences_ = 0;
    }
    if (now_ms - since_ms_ >= kGraceMs && ++offences_ >= kOffencesMax) {
      until_ms_ = now_ms + next_ms_;
      next_ms_ = std::min(2 * next_ms_, kLongestMs);
      offences_ = 0;
    }
  }
  bool IsBanned(int64_t now_ms) const { return now_ms < until_ms_; }
  int64_t until_ms() const { return until_ms_; }

 private:
  int64_t window_ = 0;
  int64_t since_ms_ = 0;  // when the limit was met first in it
  int offences_ = 0;
  int64_t until_ms_ = 0;
  int64_t next_ms_ = kFirstMs;
};

}  // namespace quantum::paper
