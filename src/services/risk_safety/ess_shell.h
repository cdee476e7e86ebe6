#pragma once

#include "platform/lifecycle/service.h"
#include "services/risk_safety/ess_keeper.h"

namespace quantum::risk_safety {

// The keeper's ports in a running service: a file in the state directory, execution over HTTP, Postgres.
class EssShell final : public EssPorts {
 public:
  explicit EssShell(lifecycle::Service& service);

  Result<std::optional<std::string>> ReadKept() override;
  Status Keep(const std::string& text) override;
  Result<ExecutionHalt> AskExecution() override;
  Status TellExecution(EssOrder order) override;
  Status LeaveHalt(const EssOrder& order) override;
  Result<std::optional<EssRecord>> LoadStored() override;
  Status Save(EssMove move) override;

 private:
  lifecycle::Service& service_;
  std::string file_;
};

}  // namespace quantum::risk_safety
