#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <string>
#include <thread>

namespace quantum::testing {

// A TCP proxy on 127.0.0.1 that stands between a client and its server and breaks things on purpose: what a partition,
// a reset or a lost answer looks like, at an exact place of the conversation. Runs in a thread of its own; every method
// returns when it is in force. Heals with its end (connections close).
class TcpGate {
 public:
  explicit TcpGate(int upstream_port);
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;
  TcpGate& operator=(const TcpGate&) = delete;

  int port() const { return port_; }

  void CutAll();               // resets all connections
  void RefuseNew(bool on);     // new connections are reset at once
  void HoldAnswers(bool on);   // what the server says stays here while on
  void HoldRequests(bool on);  // what the client says stays here while on

  // Once: the first client bytes that contain this text are passed on to the server, and from then on that connection's
  // answers are thrown away; the client's side is reset.
  void CutAfterRequest(const std::string& text);
  // Once: as above, but the bytes are not passed on.
  void CutBeforeRequest(const std::string& text);
  int cuts() const { return cuts_; }  // how often the two above have struck

 private:
  struct Link;
  void Do(const std::function<void()>& change);
  void Run();
  void Accept();
  void Move(Link& link);
  bool Strike(Link& link, const std::string& bytes);
  static void Flush(int fd, std::string& pending);

  int upstream_port_;
  int port_ = 0;
  int listener_ = -1;
  int wake_ = -1;
  // Of the gate's thread, but for the atomics.
  std::list<Link> links_;
  bool refuse_ = false;
  bool hold_answers_ = false;
  bool hold_requests_ = false;
  std::string cut_text_;
  bool cut_forwards_ = false;
  std::atomic<int> cuts_{0};
  std::atomic<const std::function<void()>*> change_{nullptr};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace quantum::testing
