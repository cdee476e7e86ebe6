#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "exchange/binance/decode_market.h"
#include "exchange/binance/rolling_socket.h"
#include "platform/fiber/fiber.h"
#include "platform/resilience/resilience.h"

namespace quantum::binance {

struct MarketStreamOptions {
  Duration silence_max = std::chrono::seconds(60);  // then the connection is taken for dead
  RollingOptions rolling;
  resilience::BackoffOptions backoff{.base = std::chrono::milliseconds(100), .cap = std::chrono::seconds(5)};
};

// One market data connection (a combined stream): reconnects with back-off, decodes, calls back. A frame that cannot be
// decoded is counted, logged and passed over: the sequence numbers of what follows show what it held. Before a
// connection's lifetime ends another one takes its place without a gap, and what comes twice is told once: nobody
// notices, and no book is built anew.
class MarketStream : public std::enable_shared_from_this<MarketStream> {
 public:
  using OnEvent = std::function<void(const exchange::MarketEvent&)>;

  MarketStream(fiber::Loop& loop, std::string url, MarketStreamOptions options, const Clock& clock, Random& random);

  // Calls back from a fiber of the loop until Stop(); `connected` before the first event of each connection that
  // follows a broken one.
  void Start(OnEvent on_event, std::function<void()> connected);
  void Stop();

 private:
  void Run();
  Status Connection();
  void OnFrame(std::string_view frame, bool doubling);
  bool IsRepeat(const exchange::MarketEvent& event);

  fiber::Loop& loop_;
  std::string url_;
  MarketStreamOptions options_;
  const Clock& clock_;
  OnEvent on_event_;
  std::function<void()> connected_;
  MarketDecoder decoder_;
  resilience::Backoff backoff_;
  fiber::Event stop_;
  uint64_t bad_frames_ = 0;
  // By kind and symbol, the newest number that was told; kept while frames may come twice.
  std::map<std::pair<size_t, std::string>, int64_t> told_;
};

}  // namespace quantum::binance
