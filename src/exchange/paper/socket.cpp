#include "exchange/paper/socket.h"

#include <vector>

#include "platform/log/log.h"

namespace quantum::paper {
namespace {

class Box final : public Outbox, public std::enable_shared_from_this<Box> {
 public:
  Box(fiber::Loop& loop, http::WebSocketSession& session) : loop_(loop), session_(&session), queue_(kBoxMessagesMax) {}

  // From the exchange's loop.
  void Put(std::vector<Message> messages) override {
    waiting_.fetch_add(messages.size());
    loop_.Post([self = shared_from_this(), batch = std::move(messages)] { self->Take(batch); });
  }
  bool filling() const override { return waiting_.load() > kBoxMessagesMax / 2; }
  void Cut() override {
    loop_.Post([self = shared_from_this()] { self->Drop(); });
  }

  // From the server's loop.
  void Answer(std::string text) {
    waiting_.fetch_add(1);
    Take({std::make_shared<const std::string>(std::move(text))});
  }
  void Write() {
    while (!queue_.closed() || queue_.size() > 0) {
      const std::optional<Message> message = queue_.PopFor(std::chrono::seconds(5));
      if (!message) {
        continue;
      }
      waiting_.fetch_sub(1);
      if (!session_->Write(**message).ok()) {
        Drop();
        break;
      }
    }
    written_.Set();
  }
  // The connection ends; returns when nobody uses the session any more.
  void Finish() {
    Drop();
    written_.Wait();
    session_ = nullptr;
  }

 private:
  void Take(const std::vector<Message>& messages) {
    for (const Message& message : messages) {
      if (!queue_.TryPush(message)) {
        waiting_.fetch_sub(1);
        if (!queue_.closed()) {
          log::Warning("dropping a WebSocket subscriber that reads too slowly", {{"waiting", queue_.size()}});
          Drop();
        }
      }
    }
  }
  void Drop() {
    queue_.Close();
    if (session_ != nullptr) {
      session_->Abort();
    }
  }

  fiber::Loop& loop_;
  http::WebSocketSession* session_;
  fiber::Channel<Message> queue_;
  fiber::Event written_;
  std::atomic<size_t> waiting_{0};
};

struct Target {
  StreamClass where = StreamClass::kAny;
  bool combined = false;
  std::vector<std::string> streams;
  std::string listen_key;
};

void AddNames(std::vector<std::string>& names, std::string_view list) {
  while (!list.empty()) {
    const size_t end = std::min(list.find('/'), list.size());
    names.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

// /public|/market|/private, then /ws or /stream; then stream names, a listen key, or a client's own number (ccxt).
Target TargetOf(const http::Request& request) {
  Target target;
  std::string_view path = request.path;
  for (const auto& [prefix, where] :
       {std::pair{"/public", StreamClass::kPublic}, std::pair{"/market", StreamClass::kMarket},
        std::pair{"/private", StreamClass::kPrivate}}) {
    if (path.starts_with(prefix)) {
      target.where = where;
      path.remove_prefix(std::string_view(prefix).size());
      break;
    }
  }
  target.combined = path.starts_with("/stream");
  std::vector<std::string> names;
  if (path.starts_with("/ws/")) {
    AddNames(names, path.substr(4));
  }
  if (const auto streams = request.Query("streams")) {
    AddNames(names, *streams);
  }
  if (const auto key = request.Query("listenKey")) {
    target.listen_key = *key;
  }
  for (std::string& name : names) {
    if (name.find('@') != std::string::npos) {
      target.streams.push_back(std::move(name));
    } else if (name.size() > 20) {
      target.listen_key = std::move(name);
    }
  }
  return target;
}

}  // namespace

void ServeWebSocket(Exchange& exchange, fiber::Loop& exchange_loop, const http::Request& request,
                    http::WebSocketSession& session) {
  if (fiber::RunOn(exchange_loop, [&] { return exchange.RefusesStream(request.path); })) {
    session.Abort();
    return;
  }
  const Target target = TargetOf(request);
  const auto box = std::make_shared<Box>(fiber::CurrentLoop(), session);
  fiber::CurrentLoop().Spawn([box] { box->Write(); });
  const Hub::Id id = fiber::RunOn(exchange_loop, [&] {
    Hub& hub = exchange.hub();
    const Hub::Id joined = hub.Join(box, target.where, target.combined, exchange.real_ms());
    hub.Subscribe(joined, target.streams);
    const bool may_have_user_data = target.where == StreamClass::kPrivate || target.where == StreamClass::kAny;
    if (may_have_user_data && exchange.rest().KnowsListenKey(target.listen_key, exchange.now_ms())) {
      hub.SubscribeUser(joined, target.listen_key);
    }
    return joined;
  });
  for (Result<std::string> text = session.Read(); text.ok(); text = session.Read()) {
    box->Answer(fiber::RunOn(exchange_loop, [&] { return exchange.hub().Request(id, *text, exchange.real_ms()); }));
  }
  fiber::RunOn(exchange_loop, [&] { exchange.hub().Leave(id); });
  box->Finish();
}

}  // namespace quantum::paper
