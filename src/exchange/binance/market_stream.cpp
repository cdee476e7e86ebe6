#include "exchange/binance/market_stream.h"

#include "platform/log/log.h"
#include "platform/metrics/names.h"

namespace quantum::binance {
namespace {

constexpr Duration kSlice = std::chrono::milliseconds(250);  // how soon a stop is seen
constexpr uint64_t kLogEvery = 1000;

// The number by which the venue orders events of one kind and symbol.
struct NumberOf {
  int64_t operator()(const exchange::MarketTrade& event) const { return event.trade_id; }
  int64_t operator()(const exchange::DepthUpdate& event) const { return event.last_update_id; }
  int64_t operator()(const exchange::BookTicker& event) const { return event.update_id; }
  int64_t operator()(const exchange::MarkPrice& event) const { return event.event_ms; }
};

}  // namespace

MarketStream::MarketStream(fiber::Loop& loop, std::string url, MarketStreamOptions options, const Clock& clock,
                           Random& random)
    : loop_(loop), url_(std::move(url)), options_(options), clock_(clock), backoff_(options.backoff, random) {}

void MarketStream::Start(OnEvent on_event, std::function<void()> connected) {
  on_event_ = std::move(on_event);
  connected_ = std::move(connected);
  loop_.Spawn([self = shared_from_this()] { self->Run(); });
}

void MarketStream::Stop() { stop_.Set(); }

void MarketStream::Run() {
  while (!stop_.is_set()) {
    const Status ended = Connection();
    if (stop_.is_set()) {
      return;
    }
    const Duration wait = backoff_.Next();
    log::Warning("market stream ended; connecting again",
                 {{"url", url_},
                  {"reason", ended.ok() ? std::string("the venue closed it") : ended.error().message},
                  {"wait_ms", std::chrono::duration_cast<std::chrono::milliseconds>(wait).count()}});
    stop_.WaitFor(wait);
  }
}

Status MarketStream::Connection() {
  RollingSocket socket(
      loop_, [url = url_]() -> Result<std::string> { return url; }, options_.rolling, clock_);
  QUANTUM_CHECK(socket.Connect());
  if (stop_.is_set()) {
    return {};  // nothing is called after Stop()
  }
  log::Info("market stream connected", {{"url", url_}});
  connected_();
  told_.clear();
  SteadyTime last_frame = clock_.Steady();
  while (!stop_.is_set()) {
    const Result<std::string_view> frame = socket.Read(kSlice);
    const SteadyTime now = clock_.Steady();
    if (stop_.is_set()) {
      break;
    }
    if (frame.ok()) {
      last_frame = now;
      backoff_.Reset();
      OnFrame(*frame, socket.doubling());
    } else if (frame.error().code != Errc::kTimeout) {
      return frame.error();
    } else if (now - last_frame >= options_.silence_max) {
      return Error{Errc::kUnavailable, "nothing came for too long"};
    }
  }
  return {};
}

bool MarketStream::IsRepeat(const exchange::MarketEvent& event) {
  const std::string& symbol = std::visit([](const auto& one) -> const std::string& { return one.symbol; }, event);
  const int64_t number = std::visit(NumberOf{}, event);
  const auto [told, first] = told_.try_emplace({event.index(), symbol}, number);
  if (!first && number <= told->second) {
    return true;
  }
  told->second = number;
  return false;
}

void MarketStream::OnFrame(std::string_view frame, bool doubling) {
  const Result<const exchange::MarketEvent*> event = decoder_.Decode(frame);
  if (!event.ok()) {
    static metrics::Counter& bad = metrics::GetCounter(metrics::kMarketFramesBad);
    bad.Add();
    if (bad_frames_++ % kLogEvery == 0) {
      log::Warning("market frame passed over", {{"error", event.error().message}, {"so_far", bad_frames_}});
    }
    return;
  }
  if (!doubling && !told_.empty()) {
    told_.clear();
  }
  if (*event != nullptr && !(doubling && IsRepeat(**event))) {
    on_event_(**event);
  }
}

}  // namespace quantum::binance
