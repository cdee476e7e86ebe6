#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "platform/fiber/fiber.h"
#include "platform/http/server.h"

// The other sides of the tests in this folder: a server in a thread of its own, raw sockets towards it, and a peer that
// does what it is told, against every rule if need be. All on loopback.
namespace quantum::http::test {

// Runs body in a fiber of a new loop on this thread, until it returns.
void RunInFiber(const std::function<void(fiber::Loop&)>& body);

// A server on a loop and thread of its own.
class ServerThread {
 public:
  explicit ServerThread(ServerOptions options, const std::function<void(Server&)>& add_routes);
  ~ServerThread();
  Server& server() { return *server_; }
  int port() const { return server_->port(); }
  std::string Url(std::string_view path) const;
  // Stops the server and waits until it has; the port is free then.
  void Stop();

 private:
  // Destroyed by the thread that runs it: the thread sanitizer loses track of fibers that are unwound elsewhere.
  std::unique_ptr<fiber::Loop> loop_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

// A blocking socket that fails a test rather than hang: every wait ends after ten seconds.
class RawSocket {
 public:
  explicit RawSocket(int port);
  explicit RawSocket(int descriptor, bool /*accepted*/);
  ~RawSocket();
  RawSocket(RawSocket&& other) noexcept;
  RawSocket& operator=(RawSocket&&) = delete;

  void Send(std::string_view bytes);
  struct Answer {
    int status = 0;
    std::string head;
    std::string body;
    std::string Header(const std::string& name) const;  // empty when absent
  };
  // The next answer by its Content-Length. Status 0: the connection ended first.
  Answer Receive(bool head_only = false);
  // What came up to the end of a request's header (no body), for scripted peers.
  std::string ReceiveHead();
  bool ClosedByPeer();  // waits for the end of the stream; false when bytes or nothing came
  void ShutdownWrite();
  void Reset();  // closes with RST
  void LimitReceiveBuffer(int bytes);

 private:
  bool ReadMore();
  int descriptor_;
  std::string buffer_;
};

// Accepts on a free port and runs a script for each connection, one after the other, in a thread of its own.
class ScriptedPeer {
 public:
  explicit ScriptedPeer(std::vector<std::function<void(RawSocket&)>> scripts);
  ~ScriptedPeer();
  int port() const { return port_; }
  std::string Url(std::string_view path) const;
  int connections() const { return connections_; }
  int closed() const { return closed_; }  // connections whose script has ended and that it has closed

 private:
  int listener_;
  int port_;
  std::atomic<int> connections_{0};
  std::atomic<int> closed_{0};
  std::thread thread_;
};

// A port on which nobody listens, and nobody will: it is taken. Connecting is refused.
class ClosedPort {
 public:
  ClosedPort();
  ~ClosedPort() { Free(); }
  ClosedPort(const ClosedPort&) = delete;
  ClosedPort& operator=(const ClosedPort&) = delete;
  int port() const { return port_; }
  void Free();  // for a server that is to listen there

 private:
  int descriptor_;
  int port_;
};

// Polls until the condition holds; false when the time passed first. In a fiber it lets the others run, elsewhere it
// blocks the thread.
bool Within(Duration timeout, const std::function<bool()>& condition);

}  // namespace quantum::http::test
