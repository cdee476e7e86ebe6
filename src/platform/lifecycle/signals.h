#pragma once

#include <boost/asio/basic_signal_set.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <functional>

#include "platform/lifecycle/runtime.h"

namespace quantum::lifecycle {

// SIGTERM and SIGINT on one loop, each time they come.
class Runtime::Signals {
 public:
  Signals(boost::asio::io_context& context, std::function<void(int)> handle)
      : set_(context, SIGTERM, SIGINT), handle_(std::move(handle)) {
    Wait();
  }

 private:
  void Wait() {
    set_.async_wait([this](boost::system::error_code error, int signal) {
      if (!error) {
        handle_(signal);
        Wait();
      }
    });
  }

  boost::asio::basic_signal_set<boost::asio::io_context::executor_type> set_;
  std::function<void(int)> handle_;
};

}  // namespace quantum::lifecycle
