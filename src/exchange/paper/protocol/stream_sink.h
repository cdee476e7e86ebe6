#pragma once

#include <string>
#include <string_view>

namespace quantum::paper {

// Who takes the messages of streams ("btcusdt@trade"). Encoding is the dear part, so it is asked first.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  virtual bool Wanted(const std::string& stream) const = 0;
  virtual void Publish(const std::string& stream, std::string payload) = 0;
};

}  // namespace quantum::paper
