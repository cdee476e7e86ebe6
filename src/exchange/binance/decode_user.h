#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exchange/venue.h"

// Frames of the user data stream → events of the account: ORDER_TRADE_UPDATE, ACCOUNT_UPDATE, ALGO_UPDATE,
// listenKeyExpired; other events are passed over. Field meanings: developers.binance.com, "User Data Streams" of USD-M
// futures. No I/O.
namespace quantum::binance {

struct UserMessage {
  std::vector<exchange::UserEvent> events;
  bool listen_key_expired = false;
};

// A conditional order keeps its client order id for life: when it triggers, the plain order it spawned reports under
// that id. The spawned order carries clientAlgoId as its own client id; should a venue give it another, the order id in
// ALGO_UPDATE (`ai`) leads back, and the decoder remembers the last kLinksMax of them.
//
// Only USDT balances and one-way positions (ps BOTH) become events: the platform trades nothing else.
class UserDecoder {
 public:
  static constexpr size_t kLinksMax = 1024;

  // kInvalidArgument names the field. The caller must not go on as if nothing had happened: an event is lost, and the
  // state has to be asked for by REST.
  Result<UserMessage> Decode(std::string_view frame);

  // Told from elsewhere (REST) that this plain order belongs to that conditional order.
  void Link(const std::string& order_id, const std::string& client_order_id);
  // The client order id that a plain order reports under.
  std::string ClientIdOf(const std::string& order_id, const std::string& client_order_id) const;

 private:
  std::unordered_map<std::string, std::string> links_;
  std::deque<std::string> oldest_;
};

}  // namespace quantum::binance
