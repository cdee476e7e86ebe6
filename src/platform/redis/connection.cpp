#include "platform/redis/client.h"
#include "platform/redis/wire.h"

namespace quantum::redis {

class Connection::Impl {
 public:
  std::shared_ptr<Wire> wire;
};

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::Open(fiber::Loop& loop, const Endpoint& endpoint,
                                                     const std::string& user, const std::string& password,
                                                     Duration timeout, const Clock& clock) {
  auto impl = std::make_unique<Impl>();
  QUANTUM_TRY(impl->wire, Wire::Open(loop, endpoint, user, password, timeout, clock));
  return std::unique_ptr<Connection>(new Connection(std::move(impl)));
}

Result<std::vector<Reply>> Connection::Run(const std::vector<Command>& commands, Duration timeout) {
  return impl_->wire->Run(commands, timeout);
}

Result<Reply> Connection::Run(const Command& command, Duration timeout) {
  QUANTUM_TRY(auto replies, impl_->wire->Run({command}, timeout));
  return std::move(replies.front());
}

Status Connection::Send(const std::vector<Command>& commands, Duration timeout) {
  return impl_->wire->Send(commands, timeout);
}

Result<std::vector<Reply>> Connection::Receive(size_t count, Duration timeout) {
  return impl_->wire->Receive(count, timeout);
}

Result<Reply> Connection::ReadPush(Duration timeout) {
  if (impl_->wire->closed()) {
    return Error{Errc::kUnavailable, "this connection to Redis is closed; open another"};
  }
  return impl_->wire->Read(timeout);
}

const Endpoint& Connection::endpoint() const { return impl_->wire->endpoint(); }

}  // namespace quantum::redis
