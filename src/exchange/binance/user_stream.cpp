#include "exchange/binance/user_stream.h"

#include <algorithm>

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

Result<std::string> UserStream::Url() {
  QUANTUM_TRY(const http::Response response, rest_->Keyed("POST", kListenKeyPath));
  QUANTUM_CHECK(CheckAnswer(response, "asking for a listen key"));
  QUANTUM_TRY(key_, DecodeListenKey(response.body));
  return rest_->hosts().websocket + "/private/ws?listenKey=" + key_;
}

Status UserStream::KeepAlive() {
  const Result<http::Response> response = rest_->Keyed("PUT", kListenKeyPath);
  const Status extended = response.ok() ? CheckAnswer(*response, "extending the listen key") : response.error();
  if (!extended.ok()) {
    const bool refused = response.ok() && Classify(*response).verdict == Verdict::kRejected &&
                         extended.error().code != Errc::kExhausted && extended.error().code != Errc::kUnavailable;
    if (refused) {
      return extended;
    }
    log::Warning("the listen key could not be extended; it will be tried again", {{"error", extended.error().message}});
    return {};
  }
  const Result<std::string> key = DecodeListenKey(response->body);
  if (key.ok() && *key != key_) {
    return Error{Errc::kUnavailable, "the listen key has expired unnoticed: the venue extends another one"};
  }
  return {};
}

void UserStream::OnFillsListed(const std::string& symbol, const std::vector<trading::Fill>& fills) {
  const auto offset = rest_->clock_offset();
  if (!connected_ || !offset) {
    return;
  }
  for (const trading::Fill& fill : fills) {
    // A second for what happened while the connection was being made.
    if (fill.trade_id > told_[symbol] && fill.time - *offset > connected_at_ + std::chrono::seconds(1)) {
      listed_.try_emplace(symbol, Listed{fill.trade_id, clock_.Steady()});
      return;
    }
  }
}

Status UserStream::CheckDeaf(SteadyTime now) {
  for (auto listed = listed_.begin(); listed != listed_.end();) {
    if (told_[listed->first] >= listed->second.trade_id) {
      listed = listed_.erase(listed);
    } else if (now - listed->second.since >= options_.deaf_after) {
      return Error{Errc::kUnavailable, "the stream has gone deaf: REST lists fill " +
                                           std::to_string(listed->second.trade_id) + " of " + listed->first +
                                           ", and the stream does not tell it"};
    } else {
      ++listed;
    }
  }
  return {};
}

Status UserStream::OnFrame(std::string_view frame) {
  QUANTUM_TRY(const UserMessage message, decoder_.Decode(frame));
  backoff_.Reset();
  for (const exchange::UserEvent& event : message.events) {
    const auto* report = std::get_if<trading::OrderReport>(&event);
    if (report != nullptr && report->fill) {
      int64_t& told = told_[report->symbol];
      told = std::max(told, report->fill->trade_id);
    }
    on_event_(event);
  }
  return message.listen_key_expired ? Status(Error{Errc::kUnavailable, "the listen key expired"}) : Status();
}

Status UserStream::Connection() {
  RollingSocket socket(
      loop_, [self = shared_from_this()] { return self->Url(); }, options_.rolling, clock_);
  QUANTUM_CHECK(socket.Connect());
  if (stop_.is_set()) {
    return {};  // nothing is called after Stop()
  }
  connected_ = true;
  connected_at_ = clock_.Now();
  told_.clear();
  listed_.clear();
  log::Info("user stream connected");
  on_event_(exchange::StreamConnected{});
  SteadyTime next_keepalive = clock_.Steady() + options_.keepalive;
  while (!stop_.is_set()) {
    const Result<std::string_view> frame = socket.Read(kReadMax);
    if (stop_.is_set()) {
      break;
    }
    if (frame.ok()) {
      QUANTUM_CHECK(OnFrame(*frame));
    } else if (frame.error().code != Errc::kTimeout) {
      return frame.error();
    }
    const SteadyTime now = clock_.Steady();
    QUANTUM_CHECK(CheckDeaf(now));
    if (now >= next_keepalive) {
      QUANTUM_CHECK(KeepAlive());
      next_keepalive = now + options_.keepalive;
    }
  }
  return {};
}

}  // namespace quantum::binance
