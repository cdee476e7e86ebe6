#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/gateway/gateway_fixture.h"

// The table of the gateway's rate limits, driven: what is let through and what is answered 429 fits a bucket of the
// rate and burst that the table gives, and no other.
namespace quantum::operate {
namespace {

using Seconds = std::chrono::duration<double>;
using std::chrono::steady_clock;

struct Limit {
  std::string method;
  std::string path;
  int rate = 0;  // a second
  int burst = 0;
};

void PrintTo(const Limit& limit, std::ostream* out) { *out << limit.method << " " << limit.path; }

// One connection, one request after the other. client: the address that it comes from.
class KeptConnection {
 public:
  explicit KeptConnection(int port, const std::string& client = "127.0.0.1")
      : file_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(file_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, client.c_str(), &address.sin_addr);
    if (::bind(file_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("no connection from " + client);
    }
    address.sin_port = htons(static_cast<uint16_t>(port));
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (::connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("the gateway takes no connection");
    }
  }
  ~KeptConnection() { ::close(file_); }
  KeptConnection(const KeptConnection&) = delete;
  KeptConnection& operator=(const KeptConnection&) = delete;

  // Precondition: the answer has a Content-Length, as all of the gateway's own have.
  Answer Ask(const std::string& request) {
    ::send(file_, request.data(), request.size(), MSG_NOSIGNAL);
    Answer answer;
    size_t whole = std::string::npos;
    while (answer.text.size() < whole) {
      char chunk[4096];
      const ssize_t got = ::recv(file_, chunk, sizeof(chunk), 0);
      if (got <= 0) {
        throw std::runtime_error("the connection ended within an answer: " + answer.text);
      }
      answer.text.append(chunk, static_cast<size_t>(got));
      if (const size_t head = answer.text.find("\r\n\r\n"); whole == std::string::npos && head != std::string::npos) {
        const std::string name = "Content-Length: ";
        whole = head + 4 + std::strtoul(answer.text.c_str() + answer.text.find(name) + name.size(), nullptr, 10);
      }
    }
    answer.status = std::atoi(answer.text.c_str() + 9);
    return answer;
  }

 private:
  int file_;
};

// When a request was sent and when its answer was there: the gateway has counted it between the two.
struct Span {
  steady_clock::time_point sent;
  steady_clock::time_point answered;
};

// How full the bucket was, at most or at least as the times allow, before a request: each that passed puts in one,
// `rate` a second run out.
double Fill(const std::vector<Span>& passed, const Span& at, int rate, bool most) {
  double fullest = 0;
  for (size_t i = 0; i < passed.size(); ++i) {
    const Seconds apart = most ? at.sent - passed[i].answered : at.answered - passed[i].sent;
    fullest = std::max(fullest, static_cast<double>(passed.size() - i) - rate * std::max(apart.count(), 0.0));
  }
  return fullest;
}

class GatewayLimit : public Gateway, public ::testing::WithParamInterface<Limit> {};

TEST_P(GatewayLimit, LetsThroughWhatItsRateAndBurstAllow) {
  const Limit& limit = GetParam();
  const std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n", limit.method, limit.path,
                                          limit.method == "POST" ? "Content-Length: 0\r\n" : "");
  KeptConnection connection(port_);
  std::vector<Span> passed;
  int refused = 0;
  // nginx reckons in milliseconds and thousandths of a request.
  const double slack = 0.5 + limit.rate * 0.002;
  // Until the burst is spent and the rate has let through as much as five more.
  while (refused == 0 || passed.size() < static_cast<size_t>(1 + limit.burst + 5)) {
    Span span{.sent = steady_clock::now(), .answered = {}};
    const Answer answer = connection.Ask(request);
    span.answered = steady_clock::now();
    if (answer.status == 429) {
      ++refused;
      ASSERT_GE(Fill(passed, span, limit.rate, true), limit.burst - slack) << "refused too early";
      EXPECT_THAT(answer.text, ::testing::HasSubstr("\r\nRetry-After: 1\r\n"));
      EXPECT_THAT(answer.Body(), ::testing::HasSubstr(R"("code":"RATE_LIMITED")"));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // nginx ends a connection after 1000 requests
    } else {
      ASSERT_THAT(answer.status, ::testing::AnyOf(502, 503)) << answer.text;
      ASSERT_LE(Fill(passed, span, limit.rate, false), limit.burst + slack) << "more than the limit passed";
      passed.push_back(span);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, GatewayLimit,
    ::testing::Values(Limit{"GET", "/api/ai/models", 100, 20}, Limit{"GET", "/api/execution/orders", 20, 10},
                      Limit{"POST", "/api/execution/order", 10, 5}, Limit{"POST", "/api/execution/cancel-all", 10, 5},
                      Limit{"GET", "/api/risk/ess/status", 100, 15}, Limit{"GET", "/api/policy", 100, 15},
                      Limit{"GET", "/api/policy/NORMAL", 100, 15}, Limit{"GET", "/api/portfolio/pnl", 100, 20},
                      Limit{"GET", "/api/market/price", 100, 20}, Limit{"GET", "/api/training/jobs", 100, 20},
                      Limit{"GET", "/api/health/system", 100, 10}, Limit{"GET", "/", 100, 10}));

// Many clients, each within its own limit, are held to ten times the limit of one.
TEST_F(Gateway, AllClientsTogetherAreHeldToTenTimesTheLimitOfOne) {
  constexpr int kRate = 100;  // of POST /api/execution/order: ten times 10 a second, burst ten times 5
  constexpr int kBurst = 50;
  constexpr int kOfOne = 6;  // what one client may send at once
  constexpr int kClients = 100;
  const std::string request = "POST /api/execution/order HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n";
  std::vector<Span> passed;
  bool refused = false;
  for (int client = 0; client < kClients && !refused; ++client) {
    KeptConnection connection(port_, fmt::format("127.0.1.{}", client + 1));
    for (int i = 0; i < kOfOne && !refused; ++i) {
      Span span{.sent = steady_clock::now(), .answered = {}};
      const Answer answer = connection.Ask(request);
      span.answered = steady_clock::now();
      refused = answer.status == 429;
      if (refused) {
        EXPECT_GE(Fill(passed, span, kRate, true), kBurst - 1) << "refused too early";
      } else {
        ASSERT_LE(Fill(passed, span, kRate, false), kBurst + 1) << "more than the limit passed";
        passed.push_back(span);
      }
    }
  }
  EXPECT_TRUE(refused) << passed.size() << " of " << kClients << " clients passed";
}

// An order and a cancel-all of one client count together, and not with what it reads.
TEST_F(Gateway, WhatSendsOrdersHasOneLimitOfItsOwn) {
  const std::string end = "HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n";
  std::string orders;
  for (int i = 0; i < 100; ++i) {
    orders += "POST /api/execution/order " + end;
  }
  const Answer answers = SendRaw(port_, orders + Request("POST", "/api/execution/cancel-all", "Content-Length: 0\r\n"));
  const size_t last = answers.text.rfind("HTTP/1.1 ");
  ASSERT_NE(last, std::string::npos);
  EXPECT_EQ(answers.text.substr(last, 12), "HTTP/1.1 429");
  EXPECT_EQ(Get("/api/execution/orders").status, 502);
}

}  // namespace
}  // namespace quantum::operate
