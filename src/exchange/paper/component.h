#pragma once

#include <memory>
#include <string>

#include "exchange/paper/exchange.h"
#include "exchange/paper/faults/admin.h"
#include "platform/lifecycle/service.h"

namespace quantum::paper {

// The paper exchange as a unit of the platform: its sockets, and the fibers that move its market on.
class PaperExchange final : public lifecycle::Component {
 public:
  explicit PaperExchange(lifecycle::Service& service) : service_(service) {}

  Status Configure() override;
  Status Start() override;
  std::string HealthMetrics() override;

 private:
  void AddRoutes();
  http::Response Serve(const http::Request& request);
  Status OpenFaultPort();
  void Pump();
  void Keep();

  lifecycle::Service& service_;
  PaperOptions options_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<FaultAdmin> faults_;
};

}  // namespace quantum::paper
