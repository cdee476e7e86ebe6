#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "exchange/binance/test_server.h"

namespace quantum::binance::test {

// Frames with consecutive numbers, told to every connection that stands when they come about, as the venue does with
// its events. On the loop of the test.
class NumberedStreams {
 public:
  NumberedStreams(fiber::Loop& loop, std::string path, std::function<std::string(int64_t)> frame)
      : loop_(loop), server_(loop, {.exchange_protocol = true}), frame_(std::move(frame)) {
    server_.WebSocket(path, [this](const http::Request&, http::WebSocketSession& session) { Serve(session); });
  }
  ~NumberedStreams() { server_.Stop(); }

  http::Server& server() { return server_; }
  // Begins; a frame every two milliseconds.
  void Start() {
    QUANTUM_ASSERT(server_.Start().ok());
    loop_.Spawn([this, stop = stop_] {
      while (!stop->WaitFor(std::chrono::milliseconds(2))) {
        ++newest;
      }
    });
  }
  void Stop() { stop_->Set(); }
  std::string Url(const std::string& path) const { return fmt::format("ws://127.0.0.1:{}{}", server_.port(), path); }
  Hosts hosts() const { return {fmt::format("http://127.0.0.1:{}", server_.port()), Url("")}; }

  int64_t newest = 0;
  bool deaf = false;       // frames come about, and no connection is told
  bool abort_old = false;  // the older of two connections is torn down, a moment after the other stands
  int standing = 0;        // connections
  int standing_most = 0;
  int connections = 0;

 private:
  void Serve(http::WebSocketSession& session) {
    const int number = ++connections;
    standing_most = std::max(standing_most, ++standing);
    const auto gone = std::make_shared<fiber::Event>();
    loop_.Spawn([&session, gone] {
      while (session.Read().ok()) {
      }
      gone->Set();
    });
    int64_t told = newest;
    int64_t alone_until = 0;
    while (!gone->WaitFor(std::chrono::milliseconds(1))) {
      if (number == connections) {
        alone_until = newest;
      } else if (abort_old && newest > alone_until + 10) {
        session.Abort();
      }
      while (told < newest && !gone->is_set()) {
        ++told;
        if (!deaf && !session.Write(frame_(told)).ok()) {
          break;
        }
      }
    }
    --standing;
  }

  fiber::Loop& loop_;
  http::Server server_;
  std::function<std::string(int64_t)> frame_;
  std::shared_ptr<fiber::Event> stop_ = std::make_shared<fiber::Event>();
};

// How often a number is missing between the first and the last.
inline int Gaps(const std::vector<int64_t>& numbers) {
  int gaps = 0;
  int64_t newest = numbers.empty() ? 0 : numbers.front();
  for (const int64_t number : numbers) {
    gaps += number > newest + 1;
    newest = std::max(newest, number);
  }
  return gaps;
}

}  // namespace quantum::binance::test
