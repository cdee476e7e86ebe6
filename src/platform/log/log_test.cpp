#include "platform/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/log/record.h"
#include "platform/log/setup.h"
#include "platform/metrics/names.h"

namespace quantum::log {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Caller {
  static std::source_location Here() { return std::source_location::current(); }
  template <class T>
  std::source_location Template(T) {
    return std::source_location::current();
  }
  std::source_location operator()() const { return std::source_location::current(); }
};

std::source_location Free(const std::vector<std::pair<int, int>>& /*pairs*/) { return std::source_location::current(); }

TEST(LogRecord, FunctionNamesAreReducedToTheBareName) {
  EXPECT_EQ(BareFunctionName(Caller::Here().function_name()), "Here");
  EXPECT_EQ(BareFunctionName(Caller().Template(std::vector<int>()).function_name()), "Template");
  EXPECT_EQ(BareFunctionName(Caller()().function_name()), "operator");
  EXPECT_EQ(BareFunctionName(Free({}).function_name()), "Free");
  const auto lambda = [](int) { return std::source_location::current(); };
  EXPECT_EQ(BareFunctionName(lambda(1).function_name()), "TestBody");
  EXPECT_EQ(BareFunctionName("int main(int, char**)"), "main");
  EXPECT_EQ(BareFunctionName("const std::string& quantum::A<std::pair<int, int> >::b(void (*)(int)) const"), "b");
  EXPECT_EQ(BareFunctionName("void f<int>(int)"), "f");
  EXPECT_EQ(BareFunctionName("decltype (fn()) quantum::fiber::RunOn(Loop&, Fn&&) [with Fn = int]"), "RunOn");
  EXPECT_EQ(FileStem("/a/b/order_book.cpp"), "order_book");
  EXPECT_EQ(FileStem("main.cpp"), "main");
}

TEST(LogRecord, ALineHasTheNineFieldsInTheirOrderThenItsOwn) {
  const std::source_location where = Caller::Here();
  const WallTime time = FromUnixMs(1'795'445'600'123);
  const std::string line = FormatRecord(Masker(), "execution-service",
                                        {Level::kWarning,
                                         "order \"x\" sent",
                                         {{"client_order_id", "q-1"},
                                          {"attempt", 2},
                                          {"ratio", 0.5},
                                          {"big", uint64_t{18446744073709551615u}},
                                          {"closed", true},
                                          {"nan", std::stod("nan")},
                                          {"payload", Field::Json{"{\"a\":\n[1]}"}},
                                          {"name", "own"},
                                          {"api_key", 17}},
                                         where,
                                         time,
                                         "0192-abcdef"});
  EXPECT_EQ(line, "{\"asctime\": \"" + FormatIso8601(time) +
                      "\", \"name\": \"execution-service\", \"levelname\": \"WARNING\", "
                      "\"message\": \"order \\\"x\\\" sent\", \"correlation_id\": \"0192-abcdef\", "
                      "\"service\": \"execution-service\", \"module\": \"log_test\", \"funcName\": \"Here\", "
                      "\"lineno\": " +
                      std::to_string(where.line()) +
                      ", \"client_order_id\": \"q-1\", \"attempt\": 2, \"ratio\": 0.5, \"big\": 18446744073709551615, "
                      "\"closed\": true, \"nan\": \"nan\", \"payload\": {\"a\": [1]}, \"name_\": \"own\", "
                      "\"api_key\": \"***REDACTED***\"}\n");
}

TEST(LogRecord, JsonThatIsNoneBecomesAString) {
  const std::string line = FormatRecord(
      Masker(), "s", {Level::kInfo, "m", {{"body", Field::Json{"{broken \xFF"}}}, Caller::Here(), WallTime(), {}});
  EXPECT_NO_THROW(boost::json::parse(line));
  EXPECT_THAT(line, HasSubstr("\"body\": \"{broken \xEF\xBF\xBD\""));
}

class LogFileTest : public testing::Test {
 protected:
  LogFileTest() {
    char name[] = "/tmp/quantum-log-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~LogFileTest() override {
    Shutdown();
    std::filesystem::remove_all(directory_);
  }

  std::string Read(const std::string& name) const {
    std::ifstream file(directory_ + "/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string directory_;
};

TEST_F(LogFileTest, EveryRecordGoesToTheFileAndErrorsToTheirOwnToo) {
  ASSERT_TRUE(log::Setup({.service = "svc", .directory = directory_}).ok());
  {
    const CorrelationScope scope("0192-correlation");
    Info("one");
    Error("two", {{"password", "hunter2"}});
  }
  Debug("not shown");
  Shutdown();
  const std::string all = Read("svc.log");
  EXPECT_THAT(all, HasSubstr("\"message\": \"one\""));
  EXPECT_THAT(all, HasSubstr("\"message\": \"two\""));
  EXPECT_THAT(all, HasSubstr("\"correlation_id\": \"0192-correlation\""));
  EXPECT_THAT(all, Not(HasSubstr("not shown")));
  EXPECT_THAT(all, Not(HasSubstr("hunter2")));
  const std::string errors = Read("svc.error.log");
  EXPECT_THAT(errors, Not(HasSubstr("\"message\": \"one\"")));
  EXPECT_THAT(errors, HasSubstr("\"message\": \"two\""));
}

TEST_F(LogFileTest, ARecordThatBelongsToNothingCarriesAnIdOfTheProcess) {
  ASSERT_TRUE(log::Setup({.service = "svc", .directory = directory_}).ok());
  Info("one");
  std::thread([] { Info("two"); }).join();
  Shutdown();
  std::istringstream all(Read("svc.log"));
  std::set<std::string> ids;
  for (std::string line; std::getline(all, line);) {
    const std::string id(boost::json::parse(line).at("correlation_id").as_string());
    EXPECT_TRUE(IsCorrelationId(id)) << line;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1u);
}

TEST_F(LogFileTest, TheLevelChangesAtRunTime) {
  ASSERT_TRUE(log::Setup({.service = "svc", .directory = directory_, .level = Level::kError}).ok());
  Info("before");
  SetLevel(*ParseLevel("debug"));
  Debug("after");
  Shutdown();
  EXPECT_THAT(Read("svc.log"), Not(HasSubstr("before")));
  EXPECT_THAT(Read("svc.log"), HasSubstr("after"));
  EXPECT_FALSE(ParseLevel("loud").ok());
}

TEST_F(LogFileTest, FilesRotateAndEveryLineStaysWholeUnderManyThreads) {
  ASSERT_TRUE(log::Setup({.service = "svc",
                          .directory = directory_,
                          .file_bytes_max = 50'000,
                          .files_kept = 20,
                          .queue_records = 100'000})
                  .ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 500; ++i) {
        Info("filled", {{"i", i}});
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  Shutdown();
  size_t lines = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    EXPECT_LE(std::filesystem::file_size(entry), 50'000u);
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line); ++lines) {
      EXPECT_NO_THROW(boost::json::parse(line)) << line;
    }
  }
  EXPECT_EQ(lines, 2'000u);
}

TEST(LogOptions, FilesRotateAt100MegabytesAndTheErrorsAt50) {
  const Options options{.service = "svc"};
  EXPECT_EQ(options.file_bytes_max, 100u * 1024 * 1024);
  EXPECT_EQ(options.files_kept, 10);
  EXPECT_EQ(options.error_file_bytes_max, 50u * 1024 * 1024);
  EXPECT_EQ(options.error_files_kept, 5);
}

TEST_F(LogFileTest, BothFilesRotateEachByItsOwnLimits) {
  ASSERT_TRUE(log::Setup({.service = "svc",
                          .directory = directory_,
                          .file_bytes_max = 20'000,
                          .files_kept = 4,
                          .error_file_bytes_max = 10'000,
                          .error_files_kept = 2,
                          .queue_records = 100'000})
                  .ok());
  for (int i = 0; i < 500; ++i) {
    i % 2 == 0 ? Info("filled", {{"i", i}}) : Error("failed", {{"i", i}});
  }
  Shutdown();
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    const std::string name = entry.path().filename();
    names.insert(name);
    EXPECT_LE(std::filesystem::file_size(entry), name.starts_with("svc.error") ? 10'000u : 20'000u) << name;
    EXPECT_EQ(Read(name).find("filled") != std::string::npos, !name.starts_with("svc.error")) << name;
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("svc.log", "svc.log.1", "svc.log.2", "svc.log.3", "svc.log.4",
                                                   "svc.error.log", "svc.error.log.1", "svc.error.log.2"));
  EXPECT_THAT(Read("svc.log"), HasSubstr("\"i\": 499"));
  EXPECT_THAT(Read("svc.error.log"), HasSubstr("\"i\": 499"));
}

TEST_F(LogFileTest, DroppedRecordsAreCountedInTheMetricAndReportedInTheLog) {
  const uint64_t before = DroppedRecords();
  ASSERT_TRUE(log::Setup({.service = "svc", .directory = directory_, .queue_records = 1}).ok());
  for (int i = 0; i < 20'000 && DroppedRecords() == before; ++i) {
    Info("burst", {{"i", i}});
  }
  Shutdown();
  ASSERT_GT(DroppedRecords(), before);
  EXPECT_EQ(metrics::GetCounter(metrics::kLogRecordsDropped).value(), static_cast<double>(DroppedRecords()));
  EXPECT_THAT(Read("svc.log"), HasSubstr("log records dropped because the disk was behind"));
}

TEST_F(LogFileTest, AnUnusableDirectoryIsAnErrorThatNamesIt) {
  const Status status = log::Setup({.service = "svc", .directory = "/proc/none/log"});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("/proc/none/log"));
}

}  // namespace
}  // namespace quantum::log
