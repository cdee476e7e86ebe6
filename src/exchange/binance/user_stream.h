#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exchange/binance/decode_user.h"
#include "exchange/binance/rest.h"
#include "exchange/binance/rolling_socket.h"
#include "platform/fiber/fiber.h"
#include "platform/resilience/resilience.h"

namespace quantum::binance {

struct UserStreamOptions {
  // A listen key lasts 60 minutes. Extending it so often is the probe for one that ended without a word: the venue then
  // knows no such key (-1125), or names another one.
  Duration keepalive = std::chrono::seconds(45);
  // The other probe: a fill that REST lists and that the stream has not told so much later.
  Duration deaf_after = std::chrono::seconds(5);
  RollingOptions rolling;
  resilience::BackoffOptions backoff{.base = std::chrono::milliseconds(100), .cap = std::chrono::seconds(5)};
};

// Keeps a user data stream: listen key, connection, keep-alive, reconnect with back-off. A connection that follows a
// broken one begins with StreamConnected, because whatever happened in between has to be asked by REST; a frame that
// cannot be decoded ends the connection for the same reason. Before a connection's lifetime ends another one takes its
// place without a gap: what came in the overlap is told twice. The listen key is not deleted at the end: another
// process of the account may use it.
class UserStream : public std::enable_shared_from_this<UserStream> {
 public:
  using OnEvent = std::function<void(const exchange::UserEvent&)>;

  UserStream(fiber::Loop& loop, std::shared_ptr<Rest> rest, UserStreamOptions options, const Clock& clock,
             Random& random);

  void Start(OnEvent on_event);  // calls back from a fiber of the loop until Stop()
  void Stop();
  bool connected() const { return connected_; }
  // What REST listed of the symbol's fills. One from the time of this connection that the stream does not tell within
  // deaf_after ends the connection: it has gone deaf.
  void OnFillsListed(const std::string& symbol, const std::vector<trading::Fill>& fills);
  UserDecoder& decoder() { return decoder_; }

 private:
  void Run();
  Status Connection();        // one connection, from listen key to its end; the error says why it ended
  Result<std::string> Url();  // with the listen key, which is asked for
  Status KeepAlive();
  Status OnFrame(std::string_view frame);
  Status CheckDeaf(SteadyTime now);

  fiber::Loop& loop_;
  std::shared_ptr<Rest> rest_;
  UserStreamOptions options_;
  const Clock& clock_;
  OnEvent on_event_;
  UserDecoder decoder_;
  resilience::Backoff backoff_;
  fiber::Event stop_;
  bool connected_ = false;
  std::string key_;
  WallTime connected_at_{};              // our clock
  std::map<std::string, int64_t> told_;  // by symbol, the newest trade id that the stream told
  struct Listed {
    int64_t trade_id = 0;
    SteadyTime since{};
  };
  std::map<std::string, Listed> listed_;  // fills that the stream has not told, the oldest of each symbol
};

}  // namespace quantum::binance
