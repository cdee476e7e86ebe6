#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "exchange/paper/protocol/stream_sink.h"

namespace quantum::paper {

// The exchange's WebSocket subscriptions: who listens to which stream, and the requests SUBSCRIBE, UNSUBSCRIBE and
// LIST_SUBSCRIPTIONS. Does no I/O: a subscriber is a box that takes messages. For one thread.
using Message = std::shared_ptr<const std::string>;

class Outbox {
 public:
  virtual ~Outbox() = default;
  // A batch in order; a box that is full drops its connection.
  virtual void Put(std::vector<Message> messages) = 0;
  virtual bool filling() const = 0;  // more than half full
  // For fault injection: the connection ends without a closing handshake.
  virtual void Cut() {}
};

enum class StreamClass { kPublic, kMarket, kPrivate, kAny };  // /public, /market, /private, or none of them
// Where Binance serves a stream since 2026-04-23. False also for a stream that the exchange does not have.
bool Serves(StreamClass where, std::string_view stream);

class Hub final : public StreamSink {
 public:
  using Id = uint64_t;
  Id Join(std::shared_ptr<Outbox> outbox, StreamClass where, bool combined, int64_t now_ms);
  void Leave(Id id);
  // The streams of the connection's URL; those that are not served there are passed over.
  void Subscribe(Id id, const std::vector<std::string>& streams);
  // Gets the user data stream from now on.
  void SubscribeUser(Id id, std::string listen_key);
  // A request as the client sent it; the answer. The eleventh within a second cuts the connection off.
  std::string Request(Id id, std::string_view text, int64_t now_ms);
  // Once a second or so: cuts off the connections that are older than 24 h.
  void CutOld(int64_t now_ms);

  bool Wanted(const std::string& stream) const override { return streams_.contains(stream); }
  void Publish(const std::string& stream, std::string payload) override;
  void PublishUser(const std::string& payload);
  // Tells those that listen by this key that it has expired, and lets them go.
  void ExpireListenKey(const std::string& listen_key, int64_t now_ms);
  // For fault injection: the key's listeners get nothing any more, and are not told.
  void ForgetListenKey(const std::string& listen_key);
  // For fault injection: ends the connections of a class; without one, all.
  void Cut(std::optional<StreamClass> where);
  // Hands over what was published since the last time.
  void Flush();
  bool congested() const;  // some subscriber's box is filling
  size_t size() const { return members_.size(); }

 private:
  struct Member {
    std::shared_ptr<Outbox> outbox;
    StreamClass where = StreamClass::kAny;
    bool combined = false;
    std::set<std::string> streams;
    std::string listen_key;
    std::vector<Message> pending;
    int64_t joined_ms = 0;
    std::deque<int64_t> requests_ms;  // the newest kRequestsMax
  };
  void Unsubscribe(Member& member, Id id, const std::string& stream);

  std::map<Id, Member> members_;
  std::unordered_map<std::string, std::set<Id>> streams_;
  Id next_id_ = 1;
};

}  // namespace quantum::paper
