#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <memory>

#include "operator/commands/api.h"
#include "operator/commands/command.h"
#include "operator/state/environment.h"

namespace quantum::operate {

namespace {

struct HaltOptions {
  bool close = false;
  std::string reason = "by hand";
};

// Acts first and records after: the flag on disk holds even when every service is down, since execution reads it before
// it sends anything; the call makes it act at once.
Status Halt(const Context& context, const HaltOptions& wanted) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  const boost::json::object request{{"reason", wanted.reason}, {"close", wanted.close}};
  boost::json::object record = request;
  record["since"] = FormatIso8601(SystemClock().Now());
  const std::string flag = running.layout.HaltFile();
  QUANTUM_CHECK(WriteFileAtomically(flag, boost::json::serialize(record) + "\n", 0640));
  QUANTUM_CHECK(SyncDirectory(running.layout.Run()));
  if (const auto account = FindAccount(kServiceUser); ::geteuid() == 0 && account.ok()) {
    // Execution reads it, and removes it when the operator rearms.
    if (::chown(flag.c_str(), account->uid, account->gid) != 0) {
      return Error{Errc::kInternal, fmt::format("giving {} to {}: {}", flag, kServiceUser, std::strerror(errno))};
    }
  }
  fmt::print("The halt is on disk ({}): no entry is sent from now on.\n", flag);
  std::fflush(stdout);
  const auto told = CallService(running, "execution", "POST", "/api/execution/halt", boost::json::serialize(request));
  if (!told.ok()) {
    return Error{Errc::kInternal,
                 told.error().Within("the halt holds, but open orders could not be cancelled now").message};
  }
  fmt::print("Execution has cancelled open entry orders{}.\n", wanted.close ? " and closes positions reduce-only" : "");
  const auto recorded = CallService(running, "risk-safety", "POST", "/api/risk/ess/trip",
                                    boost::json::serialize(boost::json::object{{"reason", wanted.reason}}));
  if (!recorded.ok()) {
    fmt::print("The emergency stop is not recorded yet ({}).\n", recorded.error().message);
  }
  return {};
}

}  // namespace

void AddHalt(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("halt", "Emergency stop: no more entries, open entry orders cancelled");
  auto wanted = std::make_shared<HaltOptions>();
  command->add_flag("--close", wanted->close, "Also close every position, reduce-only");
  command->add_option("--reason", wanted->reason, "Kept with the record")->type_name("TEXT");
  command->callback([&context, wanted] { context.Finish(Halt(context, *wanted)); });
}

}  // namespace quantum::operate
