#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/clock.h"
#include "platform/fiber/fiber.h"
#include "platform/http/client.h"

namespace quantum::binance {

struct RollingOptions {
  Duration lifetime = std::chrono::hours(23);    // the venue closes after 24 h: be gone first
  Duration overlap = std::chrono::seconds(1);    // how long both connections stand beside each other
  Duration try_again = std::chrono::minutes(1);  // when the next connection cannot be had
};

// A WebSocket connection that is followed by another before its lifetime ends, without a gap: the new one connects and
// is collected in a fiber of its own while the old one is still read; then the old one is closed and what was collected
// is handed out. Frames of the overlap come twice, and in the order of the venue each time. Should the old one fail
// while the new one stands, the new one takes over at once. For one fiber; calls suspend.
class RollingSocket {
 public:
  using MakeUrl = std::function<Result<std::string>()>;  // asked for each connection, from any fiber; may suspend

  RollingSocket(fiber::Loop& loop, MakeUrl url, RollingOptions options, const Clock& clock);
  ~RollingSocket();

  Status Connect();
  // As http::WebSocketClient::Read.
  Result<std::string_view> Read(Duration timeout);
  void Close();
  // Frames may come that came before, or such may follow soon.
  bool doubling() const;

 private:
  struct Next;
  void Roll();
  void StartNext();
  void TakeOver();

  fiber::Loop& loop_;
  MakeUrl url_;
  RollingOptions options_;
  const Clock& clock_;
  std::unique_ptr<http::WebSocketClient> socket_;
  std::shared_ptr<Next> next_;
  std::deque<std::string> collected_;
  std::string frame_;  // what Read handed out of the collected
  SteadyTime end_{};
  std::optional<SteadyTime> taken_over_;
};

}  // namespace quantum::binance
