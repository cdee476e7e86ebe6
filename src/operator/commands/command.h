#pragma once

#include <string>
#include <string_view>

#include "operator/state/launch.h"
#include "operator/state/layout.h"
#include "platform/base/result.h"
#include "platform/config/manifest.h"

namespace CLI {
class App;
}

namespace quantum::operate {

// What the exit code of every command means.
enum ExitCode { kOk = 0, kFailed = 1, kUsage = 2, kNotRunning = 3, kDifferences = 4 };

// The options that every command understands, and what came of the one that ran.
struct Context {
  std::string state;
  int port_offset = 0;
  std::string manifest;
  bool json = false;
  int exit_code = kOk;

  Result<Layout> FindLayout() const;  // --state, or the default of the offset
  std::string ManifestPath() const;   // --manifest, or quantum.yml of the checkout
  // Prints the sentence on standard error and sets the exit code.
  void Fail(const Error& error, int code = kFailed);
  // A command's body returned this: kOk, or Fail with kNotRunning for a platform that does not run.
  void Finish(const Status& status);
};

// From where the caller stands: the entry script changes into the checkout.
std::string CallerDirectory();
std::string FromCaller(const std::string& file);  // absolute

Result<Running> FindRunning(const Context& context);  // kUnavailable: it was never started

// Each adds one command (or a few of one kind) to the program.
void AddUp(CLI::App& app, Context& context);
void AddDown(CLI::App& app, Context& context);
void AddStatus(CLI::App& app, Context& context);
void AddUnitCommands(CLI::App& app, Context& context);  // start, stop, restart
void AddLogs(CLI::App& app, Context& context);
void AddRecords(CLI::App& app, Context& context);  // orders, trades, positions
void AddTrace(CLI::App& app, Context& context);
void AddVerify(CLI::App& app, Context& context);
void AddBus(CLI::App& app, Context& context);
void AddRedis(CLI::App& app, Context& context);
void AddPostgres(CLI::App& app, Context& context);
void AddBackup(CLI::App& app, Context& context);  // backup, restore, restore-test
void AddHalt(CLI::App& app, Context& context);
void AddTradestore(CLI::App& app, Context& context);
void AddCheck(CLI::App& app, Context& context);
void AddSchedule(CLI::App& app, Context& context);
void AddBench(CLI::App& app, Context& context);
void AddVersion(CLI::App& app, Context& context);
void AddMigrate(CLI::App& app, Context& context);    // run by the manifest's unit
void AddSupervise(CLI::App& app, Context& context);  // run by `up`

// The whole program: options, commands, help.
int RunProgram(int argc, const char* const* argv);

}  // namespace quantum::operate
