#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace quantum::testing {

// Which moment of the recording the paper exchange played when. The exchange stamps fills with its own wall clock; this
// asks it twenty times a second where its market stands, so that a fill's time becomes a span of the recording, by the
// answers before and after it. Right however slow the machine is: it only makes the spans longer.
class MarketClock {
 public:
  struct Span {  // of the recording, ms, both ends included
    int64_t from_ms = 0;
    int64_t to_ms = 0;
    bool restarted = false;  // the exchange was restarted between the two answers
  };

  ~MarketClock() { Stop(); }
  // Before the exchange, so that no fill comes before the first answer.
  void Start(int port);
  void Stop();

  // Where the market may have stood at this time. Nothing when there is no answer before or after it.
  std::optional<Span> At(int64_t unix_ms) const;
  // Waits until there is an answer that was asked for after this time; false when none comes.
  bool AwaitAfter(int64_t unix_ms, std::chrono::seconds timeout) const;

 private:
  struct Sample {
    int64_t asked_ms = 0;
    int64_t answered_ms = 0;
    int64_t position_ms = 0;  // in the recording
    int64_t shift_ms = 0;     // from the recording's time to the exchange's; another after a restart
    int speed = 1;
  };
  void Run(int port);

  mutable std::mutex mutex_;
  std::vector<Sample> samples_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace quantum::testing
