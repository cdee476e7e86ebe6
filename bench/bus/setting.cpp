#include "bench/bus/setting.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <sstream>

#include "platform/base/id.h"
#include "platform/base/random.h"
#include "platform/log/setup.h"

namespace quantum::bench {

namespace {

constexpr const char* kMaxMemory = "4gb";
constexpr size_t kKeys = 64;

}  // namespace

void PrepareBus() {
  log::SetLevel(log::Level::kError);
  bus::RegisterEventType({.name = kType});
}

Setting::Setting(std::chrono::milliseconds down_after) : cluster_(down_after) {
  for (size_t node = 0; node < testing::RedisCluster::kNodes; ++node) {
    QUANTUM_ASSERT(cluster_.Ask(node, {"CONFIG", "SET", "maxmemory", kMaxMemory}) == "OK");
  }
}

std::string Setting::Describe() {
  return fmt::format("three Redis nodes of infra/redis on this machine (AOF everysec, maxmemory {}), {} cores",
                     kMaxMemory, std::thread::hardware_concurrency());
}

bus::BusOptions Setting::Options(const std::string& producer) const {
  return {.producer = producer, .group = producer, .outbox_events_max = 1'000'000};
}

bus::BusOptions Setting::OptionsWithJournal(const std::string& producer) {
  bus::BusOptions options = Options(producer);
  const auto folder = cluster_.directory() / fmt::format("journal-{}-{}", producer, ++journals_);
  std::filesystem::create_directory(folder);
  options.journal_directory = folder.string();
  return options;
}

std::string Setting::AskMaster(const std::vector<std::string>& command) const {
  return cluster_.Ask(cluster_.AwaitMaster(), command);
}

double Setting::NodesCpu() const {
  double seconds = 0;
  for (size_t node = 0; node < testing::RedisCluster::kNodes; ++node) {
    const std::string info = cluster_.Ask(node, {"INFO", "cpu"});
    for (const std::string name : {"used_cpu_sys:", "used_cpu_user:"}) {
      seconds += std::stod(info.substr(info.find(name) + name.size()));
    }
  }
  return seconds;
}

void Setting::DropStream() const { AskMaster({"DEL", bus::StreamKey(kFamily), bus::ProducersKey(kFamily)}); }

namespace {

std::string Noise(Random& random, size_t digits) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < digits; ++i) {
    text += kDigits[random.Below(kDigits.size())];
  }
  return text;
}

// An order with numbers and an id of its own, and noise up to the length that was asked for.
std::string MakePayload(Random& random, size_t bytes) {
  std::string text =
      fmt::format(R"({{"order_id":"{}","symbol":"KEY{:02}USDT","side":"{}","price":"{}.{}","quantity":"0.{}")",
                  Noise(random, 32), random.Below(kKeys), random.Below(2) == 0 ? "BUY" : "SELL",
                  20'000 + random.Below(60'000), random.Below(100), random.Below(10'000));
  const std::string_view open = R"(,"note":")";
  const std::string_view close = R"("})";
  const size_t rest = text.size() + open.size() + close.size();
  return text.append(open).append(Noise(random, bytes - std::min(bytes, rest))).append(close);
}

}  // namespace

const std::string& Payload(size_t number, size_t bytes) {
  static constexpr size_t kDifferent = 1024;  // many times as many as share an entry
  static thread_local std::map<size_t, std::vector<std::string>> made;
  std::vector<std::string>& payloads = made[bytes];
  if (payloads.empty()) {
    SeededRandom random(1);
    std::generate_n(std::back_inserter(payloads), kDifferent, [&] { return MakePayload(random, bytes); });
  }
  return payloads[number % kDifferent];
}

bus::Event MakeEvent(size_t number, size_t payload_bytes) {
  static const std::string correlation_id = NewUuid(SystemClock());
  return {.type = kType,
          .key = fmt::format("KEY{:02}USDT", number % kKeys),
          .correlation_id = correlation_id,
          .payload = Payload(number, payload_bytes)};
}

LoopThread::LoopThread(const std::string& name) {
  std::promise<fiber::Loop*> made;
  auto loop = made.get_future();
  thread_ = std::thread([&made, name] {
    fiber::Loop own(name);
    made.set_value(&own);
    own.Run();
  });
  loop_ = loop.get();
}

LoopThread::~LoopThread() {
  loop_->Post([loop = loop_] { loop->Stop(); });
  thread_.join();
}

double OwnCpu() {
  double seconds = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    QUANTUM_ASSERT(::getrusage(static_cast<__rusage_who>(who), &usage) == 0);
    for (const timeval& part : {usage.ru_utime, usage.ru_stime}) {
      seconds += static_cast<double>(part.tv_sec) + static_cast<double>(part.tv_usec) / 1e6;
    }
  }
  return seconds;
}

double CpuOf(int pid) {
  const std::string text = testing::ReadFile(fmt::format("/proc/{}/stat", pid));
  std::istringstream fields(text.substr(text.rfind(')') + 2));  // from the third field on
  std::string word;
  double ticks = 0;
  for (int field = 3; field <= 15 && fields >> word; ++field) {
    ticks += field >= 14 ? std::stod(word) : 0;  // utime, stime
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double Load1() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : -1;
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) {
    return 0;
  }
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double MsBetween(SteadyTime begin, SteadyTime end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

std::vector<double> MeasureSync(const std::filesystem::path& folder, int times, size_t bytes) {
  const std::string path = (folder / "fdatasync").string();
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  QUANTUM_ASSERT(file >= 0);
  const std::string record(bytes, 'x');
  std::vector<double> ms;
  for (int i = 0; i < times; ++i) {
    const SteadyTime begin = SystemClock().Steady();
    QUANTUM_ASSERT(::write(file, record.data(), record.size()) == static_cast<ssize_t>(record.size()));
    QUANTUM_ASSERT(::fdatasync(file) == 0);
    ms.push_back(MsBetween(begin, SystemClock().Steady()));
  }
  ::close(file);
  ::unlink(path.c_str());
  return ms;
}

}  // namespace quantum::bench
