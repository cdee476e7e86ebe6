#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <system_error>

#include "tests/platform/stack.h"
#include "tests/support/checkout/checkout.h"

// What the run has left behind in metrics, logs and files; last, so that it sees all of the run.
namespace quantum::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using ::testing::IsEmpty;

// The models vote after 30 bars of 5 s.
constexpr seconds kMetricsMax(200);

// A metric as the registry has it: the label names that it may carry, each list for some of its users.
using LabelNames = std::set<std::string>;
using Registry = std::map<std::string, std::vector<LabelNames>>;

// Every metric of the registry, read from its source: what is added there is asked for here. A line `// labels: a, b
// (…). Why` holds for the metrics below it up to the next such line or an empty one; `a / b` stands for one or the
// other.
Registry RegisteredMetrics() {
  std::istringstream source(ReadFile(checkout::SourceDirectory() + "/src/platform/metrics/names.h"));
  const std::regex spec(R"re(Spec k\w+\{"([a-z_]+)")re");
  Registry registry;
  std::vector<LabelNames> labels{{}};
  for (std::string line; std::getline(source, line);) {
    std::smatch match;
    if (line.empty()) {
      labels = {{}};
    } else if (line.starts_with("// labels:")) {
      std::string names = line.substr(std::string("// labels:").size());
      names = names.substr(0, names.find('.'));
      names = std::regex_replace(names, std::regex(R"(\([^)]*\))"), "");
      labels = {{}};
      const std::regex word(R"(([a-z_]+)|(/))");
      for (std::sregex_iterator each(names.begin(), names.end(), word), end; each != end; ++each) {
        if ((*each)[2].matched) {
          labels.emplace_back();
        } else {
          labels.back().insert((*each)[1]);
        }
      }
    } else if (std::regex_search(line, match, spec)) {
      registry[match[1]] = labels;
    }
  }
  return registry;
}

json::value AskPrometheus(const Stack& stack, const std::string& path) {
  const Answer answer = Send({.port = stack.Port("prometheus"), .path = path});
  if (answer.status != 200) {
    throw std::runtime_error(fmt::format("prometheus answered {} to {}: {}", answer.status, path, answer.body));
  }
  return json::parse(answer.body).at("data");
}

// The names that dashboards and alerts of others may rest on: none of them may go.
constexpr const char* kPromised[] = {"http_requests_total",
                                     "http_request_duration_seconds",
                                     "http_requests_in_progress",
                                     "eventbus_messages_published_total",
                                     "eventbus_messages_consumed_total",
                                     "eventbus_message_processing_duration_seconds",
                                     "eventbus_queue_lag",
                                     "eventbus_outbox_pending",
                                     "eventbus_dead_letters_total",
                                     "eventbus_duplicates_dropped_total",
                                     "trades_executed_total",
                                     "trade_execution_duration_seconds",
                                     "positions_open",
                                     "portfolio_value_usd",
                                     "signals_generated_total",
                                     "risk_checks_total",
                                     "policy_violations_total",
                                     "emergency_stop_triggered_total",
                                     "redis_operations_total",
                                     "redis_operation_duration_seconds",
                                     "database_operations_total",
                                     "database_operation_duration_seconds",
                                     "service_health_status",
                                     "dependency_health_status",
                                     "exchange_requests_total",
                                     "exchange_request_weight_used",
                                     "orders_unknown",
                                     "positions_unprotected"};

TEST(Metrics, EveryMetricOfTheRegistryWasSeenInAScrape) {
  Stack& stack = Stack::Get();
  const Registry registered = RegisteredMetrics();
  for (const char* promised : kPromised) {
    EXPECT_TRUE(registered.contains(promised)) << promised;
  }
  std::set<std::string> missing;
  Eventually(kMetricsMax, [&] {
    const json::value names = AskPrometheus(stack, "/api/v1/label/__name__/values");
    std::set<std::string> seen;
    for (const json::value& name : names.as_array()) {
      seen.insert(json::value_to<std::string>(name));
    }
    missing.clear();
    for (const auto& [name, labels] : registered) {
      if (!seen.contains(name) && !seen.contains(name + "_count")) {
        missing.insert(name);
      }
    }
    std::this_thread::sleep_for(milliseconds(500));
    return missing.empty();
  });
  EXPECT_THAT(missing, IsEmpty());
}

TEST(Metrics, CarryTheLabelsOfTheRegistryAndNoOthers) {
  Stack& stack = Stack::Get();
  const LabelNames by_prometheus{"__name__", "job", "instance", "service", "le"};
  for (const auto& [name, allowed] : RegisteredMetrics()) {
    std::set<LabelNames> seen;
    for (const char* suffix : {"", "_count", "_bucket"}) {
      const json::value all = AskPrometheus(stack, fmt::format("/api/v1/series?match%5B%5D={}{}", name, suffix));
      for (const json::value& series : all.as_array()) {
        LabelNames labels;
        for (const auto& label : series.as_object()) {
          labels.insert(std::string(label.key()));
        }
        for (const std::string& common : by_prometheus) {
          labels.erase(common);
        }
        seen.insert(std::move(labels));
      }
    }
    EXPECT_FALSE(seen.empty()) << name;
    for (const LabelNames& labels : seen) {
      EXPECT_THAT(allowed, ::testing::Contains(labels)) << name;
    }
  }
}

TEST(Metrics, PrometheusReachesAllItsTargets) {
  Stack& stack = Stack::Get();
  json::value targets;
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    targets = AskPrometheus(stack, "/api/v1/targets?state=active");
    for (const json::value& target : targets.at("activeTargets").as_array()) {
      if (target.at("health") != "up") {
        return false;
      }
    }
    return true;
  })) << json::serialize(targets);
  EXPECT_GE(targets.at("activeTargets").as_array().size(), 8u);
}

TEST(Health, TheVenueHasOneNameWhoeverSpeaksToIt) {
  for (const char* path : {"/api/execution/health", "/api/market/health"}) {
    const json::value health = Stack::Get().GetJson(path);
    EXPECT_TRUE(health.at("dependencies").as_object().contains("binance")) << path << ": " << json::serialize(health);
  }
}

std::vector<fs::path> LogFiles(const Stack& stack, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(stack.state() / "log")) {
    if (entry.path().filename().string().ends_with(extension)) {
      files.push_back(entry.path());
    }
  }
  return files;
}

TEST(Logs, EveryLineOfEveryServiceIsJsonWithTheNineFieldsInOrder) {
  Stack& stack = Stack::Get();
  static constexpr const char* kFields[] = {"asctime", "name",   "levelname", "message", "correlation_id",
                                            "service", "module", "funcName",  "lineno"};
  const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
  const std::regex correlation_id("[A-Za-z0-9-]{8,64}");
  const std::set<std::string> levels{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
  std::set<std::string> services;
  size_t lines_seen = 0;
  for (const fs::path& path : LogFiles(stack, ".log")) {
    if (path.filename() == "gateway-error.log") {
      continue;  // nginx' own words: its format cannot be changed
    }
    const std::string name = path.filename();
    // What is being written just now has no end of line yet.
    const std::string text = ReadFile(path);
    std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
    for (std::string line; std::getline(lines, line);) {
      boost::system::error_code error;
      const json::value parsed = json::parse(line, error);
      ASSERT_FALSE(error || !parsed.is_object()) << name << ": " << line;
      const json::object& record = parsed.as_object();
      ASSERT_GE(record.size(), std::size(kFields)) << name << ": " << line;
      for (size_t i = 0; i < std::size(kFields); ++i) {
        ASSERT_EQ((record.begin() + static_cast<std::ptrdiff_t>(i))->key(), kFields[i]) << name << ": " << line;
      }
      ASSERT_TRUE(std::regex_match(record.at("asctime").as_string().c_str(), time)) << name << ": " << line;
      ASSERT_TRUE(levels.contains(json::value_to<std::string>(record.at("levelname")))) << name << ": " << line;
      ASSERT_TRUE(std::regex_match(record.at("correlation_id").as_string().c_str(), correlation_id))
          << name << ": " << line;
      ASSERT_TRUE(record.at("lineno").is_int64()) << name << ": " << line;
      ASSERT_FALSE(record.at("service").as_string().empty()) << name << ": " << line;
      const auto service = json::value_to<std::string>(record.at("service"));
      const bool standbys = name.starts_with("execution-standby-service") && service == "execution-service";
      ASSERT_TRUE(name.starts_with(service) || standbys) << name << ": " << line;
      services.insert(json::value_to<std::string>(record.at("service")));
      ++lines_seen;
    }
  }
  Say(fmt::format("{} log lines of {} services", lines_seen, services.size()));
  EXPECT_THAT(services,
              ::testing::IsSupersetOf({"ai-engine-service", "execution-service", "risk-safety-service",
                                       "portfolio-intelligence-service", "marketdata-service",
                                       "monitoring-health-service", "paper-exchange", "supervisor", "gateway"}));
}

TEST(Logs, TheFirstLineOfAServiceHasTheGoldenShape) {
  Stack& stack = Stack::Get();
  const std::regex golden(
      R"re(\{"asctime": "[0-9T:.-]{23}Z", "name": "execution-service", "levelname": "[A-Z]+", "message": "[^"]+", )re"
      R"re("correlation_id": "[A-Za-z0-9-]{8,64}", "service": "execution-service", "module": "\w+", "funcName": "\w+", )re"
      R"re("lineno": \d+(, "\w+": .*)?\})re");
  std::istringstream lines(ReadFile(stack.state() / "log/services/execution-service.log"));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_TRUE(std::regex_match(line, golden)) << line;
}

std::map<std::string, std::string> Secrets(const Stack& stack) {
  std::map<std::string, std::string> secrets;
  for (const auto& entry : fs::directory_iterator(stack.state() / "secrets")) {
    secrets[entry.path().filename()] = stack.Secret(entry.path().filename());
  }
  return secrets;
}

TEST(Secrets, StandInFilesThatNobodyElseCanRead) {
  Stack& stack = Stack::Get();
  const auto secrets = Secrets(stack);
  EXPECT_GE(secrets.size(), 10u);
  for (const auto& [name, text] : secrets) {
    struct stat info {};
    ASSERT_EQ(::stat((stack.state() / "secrets" / name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u) << name;
    EXPECT_GE(text.size(), 32u) << name;
  }
}

// Every file below a folder, while the platform runs: what it removes meanwhile is left out, and nothing else. (A
// recursive_directory_iterator ends at the first folder that vanishes.)
std::vector<fs::path> FilesBelow(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator each(folder, error);
  for (; !error && each != fs::directory_iterator(); each.increment(error)) {
    std::error_code gone;
    if (fs::is_directory(each->symlink_status(gone))) {
      const std::vector<fs::path> below = FilesBelow(each->path());
      files.insert(files.end(), below.begin(), below.end());
    } else {
      files.push_back(each->path());
    }
  }
  EXPECT_TRUE(!error || error == std::errc::no_such_file_or_directory) << folder << ": " << error.message();
  return files;
}

// Its text; empty when it has vanished.
std::string ReadIfThere(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file || errno == ENOENT) << path << ": " << std::strerror(errno);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Secrets, OccurInNoLogNoCommandLineAndNoEnvironment) {
  Stack& stack = Stack::Get();
  const auto secrets = Secrets(stack);
  const auto expect_none = [&](const std::string& text, const std::string& where) {
    for (const auto& [name, secret] : secrets) {
      EXPECT_EQ(text.find(secret), std::string::npos) << "the secret " << name << " stands in " << where;
    }
  };
  for (const fs::path& path : FilesBelow(stack.state() / "log")) {
    expect_none(ReadIfThere(path), path);
  }
  const auto processes = ProcessesOf(stack.state());
  EXPECT_GE(processes.size(), 18u);
  for (const ProcessView& process : processes) {
    expect_none(process.command, "the command line of " + process.command.substr(0, 60));
    expect_none(process.environment, "the environment of " + process.command.substr(0, 60));
  }
}

TEST(Secrets, OccurInNoFileThatOthersCanRead) {
  Stack& stack = Stack::Get();
  const auto secrets = Secrets(stack);
  for (const char* folder : {"etc", "run", "data"}) {
    for (const fs::path& path : FilesBelow(stack.state() / folder)) {
      struct stat info {};
      if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || (info.st_mode & 0007) == 0) {
        continue;
      }
      const std::string text = ReadIfThere(path);
      for (const auto& [name, secret] : secrets) {
        EXPECT_EQ(text.find(secret), std::string::npos) << "others can read the secret " << name << " in " << path;
      }
    }
  }
}

}  // namespace
}  // namespace quantum::testing
