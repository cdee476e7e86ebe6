#include "exchange/binance/user_stream.h"

#include "exchange/binance/decode_rest.h"
#include "exchange/binance/outcome.h"
#include "platform/log/log.h"

namespace quantum::binance {
namespace {

constexpr std::string_view kListenKeyPath = "/fapi/v1/listenKey";
constexpr Duration kReadMax = std::chrono::milliseconds(250);  // how soon a stop is seen

}  // namespace

UserStream::UserStream(fiber::Loop& loop, std::shared_ptr<Rest> rest, UserStreamOptions options, const Clock& clock,
                       Random& random)
    : loop_(loop), rest_(std::move(rest)), options_(options), clock_(clock), backoff_(options.backoff, random) {}

void UserStream::Start(OnEvent on_event) {
  on_event_ = std::move(on_event);
  loop_.Spawn([self = shared_from_this()] { self->Run(); });
}

void UserStream::Stop() { stop_.Set(); }

void UserStream::Run() {
  while (!stop_.is_set()) {
    const Status ended = Connection();
    connected_ = false;
    if (stop_.is_set()) {
      return;
    }
    const Duration wait = backoff_.Next();
    log::Warning("user stream ended; connecting again",
                 {{"reason", ended.ok() ? std::string("the venue closed it") : ended.error().message},
                  {"wait_ms", std::chrono::duration_cast<std::chrono::milliseconds>(wait).count()}});
    stop_.WaitFor(wait);
  }
}

Status UserStream::KeepAlive() {
  QUANTUM_TRY(const http::Response response, rest_->Keyed("PUT", kListenKeyPath));
  return CheckAnswer(response, "extending the listen key");
}

Status UserStream::Connection() {
  QUANTUM_TRY(const http::Response response, rest_->Keyed("POST", kListenKeyPath));
  QUANTUM_CHECK(CheckAnswer(response, "asking for a listen key"));
  QUANTUM_TRY(const std::string key, DecodeListenKey(response.body));
  http::WebSocketClient socket(loop_);
  QUANTUM_CHECK(socket.Connect(rest_->hosts().websocket + "/private/ws?listenKey=" + key, std::chrono::seconds(5)));
  if (stop_.is_set()) {
    return {};  // nothing is called after Stop()
  }
  connected_ = true;
  log::Info("user stream connected");
  on_event_(exchange::StreamConnected{});
  const SteadyTime end = clock_.Steady() + options_.lifetime;
  SteadyTime next_keepalive = clock_.Steady() + options_.keepalive;
  while (!stop_.is_set()) {
    const Result<std::string_view> frame = socket.Read(kReadMax);
    if (stop_.is_set()) {
      break;
    }
    if (!frame.ok() && frame.error().code != Errc::kTimeout) {
      return frame.error();
    }
    if (frame.ok()) {
      QUANTUM_TRY(const UserMessage message, decoder_.Decode(*frame));
      backoff_.Reset();
      for (const exchange::UserEvent& event : message.events) {
        on_event_(event);
      }
      if (message.listen_key_expired) {
        return Error{Errc::kUnavailable, "the listen key expired"};
      }
    }
    const SteadyTime now = clock_.Steady();
    if (now >= end) {
      socket.Close();
      return Error{Errc::kUnavailable, "the connection reached its lifetime"};
    }
    if (now >= next_keepalive) {
      QUANTUM_CHECK(KeepAlive());
      next_keepalive = now + options_.keepalive;
      backoff_.Reset();
    }
  }
  socket.Close();
  return {};
}

}  // namespace quantum::binance
