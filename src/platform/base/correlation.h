#pragma once

#include <string>

namespace quantum {

// The correlation id of the work this fiber (or thread) is doing; empty when none. It follows a fiber across its
// suspensions, appears in every log record (without one, an id of the process does), and is passed on in every outgoing
// call and event. A fiber inherits the id of the one that spawned it. One that works in rounds for as long as the
// process lives gives each round its own, or everything it does would carry the id of the start:
//   while (!service.stopping().WaitFor(1s)) {
//     const CorrelationScope round(NewUuid());
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
