#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "platform/fiber/fiber.h"
#include "platform/http/server.h"

namespace quantum::monitoring_health {

// Pushes every snapshot to whoever listens at a WebSocket. The sessions live on the server's loop, snapshots come from
// the main loop. A reader that falls behind by more than kBacklogMax snapshots is dropped: it may come back and gets
// the newest at once. Keep by shared_ptr: sessions outlive their owner's call.
class LiveFeed : public std::enable_shared_from_this<LiveFeed> {
 public:
  static constexpr size_t kSessionsMax = 100;
  static constexpr size_t kBacklogMax = 4;

  // Thread-safe.
  void Push(std::string text);
  void Close();  // ends all sessions; new ones end at once

  // A session's handler: returns when the peer is gone, too slow, or the feed is closed. On the server's loop.
  void Serve(http::WebSocketSession& session);

  size_t sessions() const;  // thread-safe

 private:
  struct Sessions;
  std::shared_ptr<Sessions> Take(fiber::Loop& loop);

  mutable std::mutex mutex_;  // guards the three below; never held over a wait
  std::shared_ptr<Sessions> sessions_;
  std::shared_ptr<const std::string> newest_;
  bool closed_ = false;
  std::atomic<size_t> count_{0};
};

}  // namespace quantum::monitoring_health
