#pragma once

#include <memory>
#include <string>

#include "platform/lifecycle/service.h"

namespace quantum::execution {

// The service: approved decisions in, orders at the venue, every position protected. Everything it is made of stands in
// an Engine that outlives the fibers working for it.
class Execution final : public lifecycle::Component {
 public:
  explicit Execution(lifecycle::Service& service);
  ~Execution() override;

  Status Configure() override;
  Status Start() override;  // may be called again after a failure
  void Pause() override;
  void Resume() override;
  void Drain() override;
  std::string HealthMetrics() override;

 private:
  struct Engine;
  Status TakeLease();  // waits for it, as a standby
  void EverySecond();
  void Supervise();  // says on /health what is wrong
  void AwaitProtection();

  lifecycle::Service& service_;
  std::shared_ptr<Engine> engine_;
};

}  // namespace quantum::execution
