#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <memory>

#include "operator/commands/api.h"
#include "operator/commands/command.h"
#include "operator/output.h"
#include "operator/state/environment.h"

namespace quantum::operate {

namespace {

// Cancels are waited for up to 5 s, and closing orders go out one after another.
constexpr std::chrono::seconds kHaltWithin(20);

struct HaltOptions {
  bool close = false;
  std::string reason = "by hand";
};

// What became of a halt, step by step; --json prints it whole at the end, whatever the end is.
struct Outcome {
  bool json = false;
  boost::json::object report = {};

  ~Outcome() {
    if (json && !report.empty()) {
      Write(boost::json::serialize(report) + "\n");
    }
  }
  void Tell(const std::string& line) const {
    if (!json) {
      Say(line);
    }
  }
};

// What execution says it did; false when something is left to do.
bool TakeReport(const std::string& body, bool close, Outcome& outcome) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(body, error);
  const boost::json::object* report = error ? nullptr : value.if_object();
  const auto number = [&](const char* name) {
    const boost::json::value* found = report == nullptr ? nullptr : report->if_contains(name);
    return found != nullptr && found->is_int64() ? found->get_int64() : 0;
  };
  const boost::json::value* found = report == nullptr ? nullptr : report->if_contains("problems");
  const boost::json::array problems = found != nullptr && found->is_array() ? found->get_array() : boost::json::array();
  outcome.report["cancelled"] = number("cancelled");
  outcome.report["closed"] = number("closed");
  outcome.report["problems"] = problems;
  outcome.Tell(fmt::format("Execution has cancelled {} entry orders{}.", number("cancelled"),
                           close ? fmt::format(" and is closing {} positions, reduce-only", number("closed")) : ""));
  for (const boost::json::value& problem : problems) {
    outcome.Tell("Not done: " + (problem.is_string() ? std::string(problem.get_string()) : serialize(problem)));
  }
  return problems.empty();
}

Status WriteFlag(const Layout& layout, const std::string& flag, const std::string& text) {
  QUANTUM_CHECK(WriteFileAtomically(flag, text, 0640));
  QUANTUM_CHECK(SyncDirectory(layout.Run()));
  // Execution reads it, and removes it when the operator rearms.
  if (const auto account = FindAccount(kServiceUser); ::geteuid() == 0 && account.ok()) {
    if (::chown(flag.c_str(), account->uid, account->gid) != 0) {
      return Error{Errc::kInternal, fmt::format("giving {} to {}: {}", flag, kServiceUser, std::strerror(errno))};
    }
  }
  return {};
}

// Acts first and records after: the flag on disk holds even when every service is down, since execution looks at it
// before each entry; the call makes it act at once. The halt is the operator's: only the operator lifts it, whatever
// risk-safety, dead or alive, makes of it.
Status Halt(const Context& context, const HaltOptions& wanted) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  Outcome outcome{.json = context.json};
  const boost::json::object request{{"reason", wanted.reason}, {"close", wanted.close}, {"by", "operator"}};
  boost::json::object record = request;
  record["since"] = FormatIso8601(SystemClock().Now());
  const std::string flag = running.layout.HaltFile();
  const Status on_disk = WriteFlag(running.layout, flag, boost::json::serialize(record) + "\n");
  outcome.report = {{"flag", flag}, {"on_disk", on_disk.ok()}, {"execution_told", false}, {"recorded", false}};
  if (on_disk) {
    outcome.Tell(fmt::format("The halt is on disk ({}): no entry is sent from now on.", flag));
  } else {
    // A full disk must not keep the services from stopping; they hold the halt in memory until they can write it.
    outcome.Tell(fmt::format("The halt is not on disk ({}); telling the services.", on_disk.error().message));
  }
  const auto told =
      CallService(running, "execution", "POST", "/api/execution/halt", boost::json::serialize(request), kHaltWithin);
  outcome.report["execution_told"] = told.ok();
  const bool done = told.ok() && TakeReport(told->body, wanted.close, outcome);
  const auto recorded = CallService(running, "risk-safety", "POST", "/api/risk/ess/trip",
                                    boost::json::serialize(boost::json::object{{"reason", wanted.reason}}));
  outcome.report["recorded"] = recorded.ok();
  if (!told.ok()) {
    const char* const held = on_disk || recorded ? "the halt holds, but open orders could not be cancelled now"
                                                 : "nothing is halted: neither the disk nor a service took it";
    return Error{Errc::kInternal, told.error().Within(held).message};
  }
  if (!recorded.ok()) {
    outcome.Tell(fmt::format("risk-safety has not recorded it now ({}); the halt holds until an operator rearms.",
                             recorded.error().message));
  }
  if (!on_disk) {
    return on_disk.error().Within("the services are halted, and will not be after a restart");
  }
  if (!done) {
    return Error{Errc::kInternal, "the halt holds; execution tries what is not done again every second"};
  }
  return {};
}

}  // namespace

void AddHalt(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("halt", "Emergency stop: no more entries, open entry orders cancelled");
  auto wanted = std::make_shared<HaltOptions>();
  command->add_flag("--json", context.json, "One JSON object that says what was done");
  command->add_flag("--close", wanted->close, "Also close every position, reduce-only");
  command->add_option("--reason", wanted->reason, "Kept with the record")->type_name("TEXT");
  command->callback([&context, wanted] { context.Finish(Halt(context, *wanted)); });
}

}  // namespace quantum::operate
