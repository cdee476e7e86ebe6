#pragma once

#include <string>

namespace quantum {

// The correlation id of the work this fiber (or thread) is doing; empty when none. It follows a fiber across its
// suspensions, appears in every log record, and is passed on in every outgoing call and event.
const std::string& CurrentCorrelationId();

// Sets the correlation id for a scope and restores the previous one.
class CorrelationScope {
 public:
  explicit CorrelationScope(std::string id);
  ~CorrelationScope();
  CorrelationScope(const CorrelationScope&) = delete;
  CorrelationScope& operator=(const CorrelationScope&) = delete;

 private:
  std::string previous_;
};

namespace detail {
// For the fiber scheduler only: exchanges the thread's current id when it switches fibers.
std::string ExchangeCorrelationId(std::string id);
}  // namespace detail

}  // namespace quantum
