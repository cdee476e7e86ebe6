#include "services/monitoring_health/live_feed.h"

#include <set>
#include <utility>
#include <vector>

#include "platform/log/log.h"

namespace quantum::monitoring_health {

using Text = std::shared_ptr<const std::string>;

// On the server's loop only, but for the loop itself.
struct LiveFeed::Sessions {
  explicit Sessions(fiber::Loop& server_loop) : loop(server_loop) {}
  fiber::Loop& loop;
  std::set<std::shared_ptr<fiber::Channel<Text>>> mailboxes;
};

std::shared_ptr<LiveFeed::Sessions> LiveFeed::Take(fiber::Loop& loop) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    return nullptr;
  }
  if (sessions_ == nullptr) {
    sessions_ = std::make_shared<Sessions>(loop);
  }
  return sessions_;
}

void LiveFeed::Push(std::string text) {
  const auto shared = std::make_shared<const std::string>(std::move(text));
  std::shared_ptr<Sessions> sessions;
  {
    const std::lock_guard lock(mutex_);
    newest_ = shared;
    sessions = sessions_;
  }
  if (sessions == nullptr) {
    return;
  }
  sessions->loop.Post([sessions, shared] {
    for (const auto& mailbox : sessions->mailboxes) {
      if (!mailbox->TryPush(shared)) {
        mailbox->Close();
      }
    }
  });
}

void LiveFeed::Close() {
  std::shared_ptr<Sessions> sessions;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    sessions = sessions_;
  }
  if (sessions != nullptr) {
    sessions->loop.Post([sessions] {
      for (const auto& mailbox : sessions->mailboxes) {
        mailbox->Close();
      }
    });
  }
}

void LiveFeed::Serve(http::WebSocketSession& session) {
  const auto self = shared_from_this();
  const std::shared_ptr<Sessions> sessions = Take(fiber::CurrentLoop());
  if (sessions == nullptr || sessions->mailboxes.size() >= kSessionsMax) {
    session.Close();
    return;
  }
  const auto mailbox = std::make_shared<fiber::Channel<Text>>(kBacklogMax);
  sessions->mailboxes.insert(mailbox);
  count_ = sessions->mailboxes.size();
  {
    const std::lock_guard lock(mutex_);
    if (newest_ != nullptr) {
      mailbox->TryPush(newest_);
    }
  }
  Status written;
  while (written.ok()) {
    const auto text = mailbox->PopFor(std::chrono::hours(1));
    if (text) {
      written = session.Write(**text);
    } else if (mailbox->closed()) {
      break;
    }
  }
  sessions->mailboxes.erase(mailbox);
  count_ = sessions->mailboxes.size();
  if (!written.ok() && written.error().code == Errc::kTimeout) {
    log::Info("a reader of live health was too slow and is dropped");
  }
  session.Close();
}

size_t LiveFeed::sessions() const { return count_; }

}  // namespace quantum::monitoring_health
