#include "exchange/binance/rolling_socket.h"

#include "platform/log/log.h"

namespace quantum::binance {
namespace {

constexpr Duration kConnectTimeout = std::chrono::seconds(5);
constexpr Duration kCollectSlice = std::chrono::milliseconds(20);  // how soon the new connection is handed over
constexpr size_t kCollectedMax = 200'000;

}  // namespace

// The connection that is to follow; shared with the fiber that connects and collects.
struct RollingSocket::Next {
  std::unique_ptr<http::WebSocketClient> socket;
  std::deque<std::string> frames;
  std::optional<SteadyTime> connected;
  std::optional<Error> failed;
  bool wanted = true;  // still collecting for somebody
  fiber::Event let_go;

  Status Collect(fiber::Loop& loop, const MakeUrl& url, const Clock& clock) {
    QUANTUM_TRY(const std::string target, url());
    socket = std::make_unique<http::WebSocketClient>(loop);
    QUANTUM_CHECK(socket->Connect(target, kConnectTimeout));
    connected = clock.Steady();
    while (wanted) {
      const Result<std::string_view> frame = socket->Read(kCollectSlice);
      if (frame.ok()) {
        frames.emplace_back(*frame);
      } else if (frame.error().code != Errc::kTimeout) {
        return frame.error();
      }
      if (frames.size() > kCollectedMax) {
        return Error{Errc::kExhausted, "more frames than a new connection may collect"};
      }
    }
    return {};
  }
};

RollingSocket::RollingSocket(fiber::Loop& loop, MakeUrl url, RollingOptions options, const Clock& clock)
    : loop_(loop), url_(std::move(url)), options_(options), clock_(clock) {}

RollingSocket::~RollingSocket() { Close(); }

Status RollingSocket::Connect() {
  QUANTUM_TRY(const std::string target, url_());
  socket_ = std::make_unique<http::WebSocketClient>(loop_);
  QUANTUM_CHECK(socket_->Connect(target, kConnectTimeout));
  end_ = clock_.Steady() + options_.lifetime;
  return {};
}

void RollingSocket::Close() {
  if (next_ != nullptr) {
    next_->wanted = false;
    next_.reset();
  }
  if (socket_ != nullptr) {
    socket_->Close();
    socket_.reset();
  }
}

bool RollingSocket::doubling() const {
  const SteadyTime now = clock_.Steady();
  return now + options_.overlap >= end_ || next_ != nullptr || !collected_.empty() ||
         (taken_over_ && now - *taken_over_ < 5 * options_.overlap);
}

void RollingSocket::StartNext() {
  next_ = std::make_shared<Next>();
  loop_.Spawn([next = next_, url = url_, &loop = loop_, &clock = clock_] {
    if (const Status collected = next->Collect(loop, url, clock); !collected.ok()) {
      next->failed = collected.error();
    }
    next->let_go.Set();
  });
}

void RollingSocket::TakeOver() {
  const std::shared_ptr<Next> next = std::move(next_);
  next->wanted = false;
  next->let_go.Wait();
  // The closing handshake is the peer's to finish: nobody waits for it.
  loop_.Spawn([old = std::shared_ptr<http::WebSocketClient>(std::move(socket_))] { old->Close(); });
  socket_ = std::move(next->socket);  // one that failed meanwhile says so when it is read
  collected_ = std::move(next->frames);
  taken_over_ = clock_.Steady();
  end_ = *taken_over_ + options_.lifetime;
  log::Info("a new stream connection has taken the place of the old one");
}

void RollingSocket::Roll() {
  const SteadyTime now = clock_.Steady();
  if (next_ != nullptr && next_->failed) {
    log::Warning("the stream connection that was to follow failed; another one is tried before this one ends",
                 {{"error", next_->failed->message}});
    next_.reset();
    end_ = now + options_.try_again;
  } else if (next_ != nullptr && next_->connected && now - *next_->connected >= options_.overlap) {
    TakeOver();
  } else if (next_ == nullptr && now >= end_) {
    StartNext();
  }
}

Result<std::string_view> RollingSocket::Read(Duration timeout) {
  if (collected_.empty()) {
    Roll();
  }
  if (!collected_.empty()) {
    frame_ = std::move(collected_.front());
    collected_.pop_front();
    return std::string_view(frame_);
  }
  Result<std::string_view> frame = socket_->Read(timeout);
  const bool lost = !frame.ok() && frame.error().code != Errc::kTimeout;
  if (lost && next_ != nullptr && next_->connected && !next_->failed) {
    TakeOver();
    return Error{Errc::kTimeout, "the connection was replaced: read on"};
  }
  return frame;
}

}  // namespace quantum::binance
