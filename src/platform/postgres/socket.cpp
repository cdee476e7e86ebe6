#include "platform/postgres/socket.h"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "platform/fiber/await.h"

namespace quantum::postgres {

namespace asio = boost::asio;

struct Socket::Impl {
  explicit Impl(fiber::Loop& owner) : descriptor(owner.context().get_executor()) {}
  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> descriptor;
};

Socket::Socket(fiber::Loop& loop) : impl_(std::make_unique<Impl>(loop)) {}

Socket::~Socket() { Release(); }

bool Socket::Assign(int descriptor) {
  boost::system::error_code error;
  impl_->descriptor.assign(descriptor, error);
  return !error;
}

void Socket::Release() {
  if (impl_->descriptor.is_open()) {
    impl_->descriptor.release();
  }
}

bool Socket::Wait(bool readable, bool writable, Duration timeout) {
  using Descriptor = asio::posix::descriptor_base;
  // Shared with the handlers, which may still run when the wait is over.
  auto ready = std::make_shared<fiber::Event>();
  const auto wake = [ready](boost::system::error_code) { ready->Set(); };
  if (readable) {
    impl_->descriptor.async_wait(Descriptor::wait_read, wake);
  }
  if (writable) {
    impl_->descriptor.async_wait(Descriptor::wait_write, wake);
  }
  const bool woken = ready->WaitFor(timeout);
  if (!woken || (readable && writable)) {
    impl_->descriptor.cancel();
  }
  return woken;
}

}  // namespace quantum::postgres
