#pragma once

#include <functional>
#include <memory>

#include "exchange/binance/decode_user.h"
#include "exchange/binance/rest.h"
#include "platform/fiber/fiber.h"
#include "platform/resilience/resilience.h"

namespace quantum::binance {

struct UserStreamOptions {
  Duration keepalive = std::chrono::minutes(30);  // a listen key lasts 60 minutes
  Duration lifetime = std::chrono::hours(23);     // the venue closes after 24 h: go first
  resilience::BackoffOptions backoff{.base = std::chrono::milliseconds(100), .cap = std::chrono::seconds(5)};
};

// Keeps a user data stream: listen key, connection, keep-alive, reconnect with back-off. Every connection begins with
// StreamConnected, because whatever happened before it has to be asked by REST; a frame that cannot be decoded ends the
// connection for the same reason. The listen key is not deleted at the end: another process of the account may use it.
class UserStream : public std::enable_shared_from_this<UserStream> {
 public:
  using OnEvent = std::function<void(const exchange::UserEvent&)>;

  UserStream(fiber::Loop& loop, std::shared_ptr<Rest> rest, UserStreamOptions options, const Clock& clock,
             Random& random);

  void Start(OnEvent on_event);  // calls back from a fiber of the loop until Stop()
  void Stop();
  bool connected() const { return connected_; }
  UserDecoder& decoder() { return decoder_; }

 private:
  void Run();
  Status Connection();  // one connection, from listen key to its end; the error says why it ended
  Status KeepAlive();

  fiber::Loop& loop_;
  std::shared_ptr<Rest> rest_;
  UserStreamOptions options_;
  const Clock& clock_;
  OnEvent on_event_;
  UserDecoder decoder_;
  resilience::Backoff backoff_;
  fiber::Event stop_;
  bool connected_ = false;
};

}  // namespace quantum::binance
