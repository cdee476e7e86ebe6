#include "operator/chaos/worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "operator/chaos/record.h"
#include "platform/base/durable_file.h"
#include "platform/bus/bus.h"
#include "platform/log/setup.h"

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using Kind = Record::Kind;

constexpr auto kTick = 2ms;
constexpr auto kHandling = 5ms;    // what a handler takes: so something is always in flight
constexpr size_t kOpenMax = 2000;  // publishes that have not returned

int64_t Now() { return SystemClock().Steady().time_since_epoch().count(); }
std::string TypeOf(const char* stream) { return fmt::format("{}.event", stream); }

// The worker's file. What a killed life left half written is cut off: it was not done.
class History {
 public:
  static Result<std::unique_ptr<History>> Open(const std::string& path) {
    std::unique_ptr<History> history(new History);
    std::ifstream file(path, std::ios::binary);
    off_t complete = 0;
    for (std::string line; std::getline(file, line) && !file.eof();) {
      QUANTUM_TRY(Record record, ParseLine(line));
      history->before_.push_back(std::move(record));
      complete += static_cast<off_t>(line.size() + 1);
    }
    history->file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (history->file_ < 0 || ::ftruncate(history->file_, complete) != 0 ||
        ::lseek(history->file_, 0, SEEK_END) != complete) {
      return Error{Errc::kInternal, fmt::format("the history {}: {}", path, std::strerror(errno))};
    }
    return history;
  }
  ~History() { ::close(file_); }

  const std::vector<Record>& before() const { return before_; }  // of earlier lives

  // A worker without its history is worth nothing.
  void Write(const std::string& line) {
    if (::write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      fmt::print(stderr, "the history cannot be written: {}\n", std::strerror(errno));
      ::_exit(5);
    }
  }

 private:
  History() = default;
  int file_ = -1;
  std::vector<Record> before_;
};

class Producer {
 public:
  Producer(fiber::Loop& loop, const WorkerOptions& options, bus::Bus& bus, History& history)
      : loop_(loop), options_(options), bus_(bus), history_(history) {
    std::set<uint64_t> open;
    for (const Record& record : history.before()) {
      if (record.kind == Kind::kStarted) {
        open.insert(record.operation);
        next_ = std::max(next_, record.operation + 1);
      } else {
        open.erase(record.operation);
      }
    }
    for (const uint64_t operation : open) {  // what the killed life was about to publish
      history_.Write(ToLine({Kind::kUnknown, Now(), options_.name, operation, "", "", ""}));
    }
  }

  void Run() {
    SteadyTime due = SystemClock().Steady();
    const Duration interval = Duration(1s) / options_.per_second;
    while (true) {
      fiber::SleepFor(kTick);
      const SteadyTime now = SystemClock().Steady();
      due = std::max(due, now - 100ms);  // after a rest it does not make up for what it missed
      for (; due <= now; due += interval) {
        if (open_ < kOpenMax && ::access(options_.gate.c_str(), F_OK) == 0) {
          ++open_;
          loop_.Spawn([this] { Publish(); });
        }
      }
    }
  }

 private:
  void Publish() {
    const uint64_t operation = next_++;
    const char* const stream = kStreams[operation % std::size(kStreams)];
    const std::string key = fmt::format("K{}", operation / std::size(kStreams) % kKeys);
    history_.Write(ToLine({Kind::kStarted, Now(), options_.name, operation, "", stream, key}));
    const auto published =
        bus_.Publish({.type = TypeOf(stream), .key = key, .payload = fmt::format("{{\"n\":{}}}", operation)});
    Kind kind = Kind::kOk;
    if (!published) {
      kind = published.error().code == Errc::kUnknownOutcome ? Kind::kUnknown : Kind::kFailed;
      if (published.error().message != trouble_) {
        trouble_ = published.error().message;
        fmt::print(stderr, "operation {}: {}\n", operation, trouble_);
      }
    }
    history_.Write(ToLine({kind, Now(), options_.name, operation, "", "", ""}));
    --open_;
  }

  fiber::Loop& loop_;
  const WorkerOptions& options_;
  bus::Bus& bus_;
  History& history_;
  uint64_t next_ = 1;
  size_t open_ = 0;
  std::string trouble_;
};

// What a group has applied: a file of its processes, as a table would be. A line is an effect. Who adds one holds the
// lock and has read what the others wrote, so each effect happens once, and they stand in the order they happened in.
class Effects {
 public:
  static Result<std::unique_ptr<Effects>> Open(const std::string& path) {
    std::unique_ptr<Effects> effects(new Effects);
    effects->file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (effects->file_ < 0) {
      return Error{Errc::kInternal, fmt::format("the effects {}: {}", path, std::strerror(errno))};
    }
    return effects;
  }
  ~Effects() { ::close(file_); }

  // Nothing when it was applied before.
  Status Apply(const Record& record) {
    if (::flock(file_, LOCK_EX) != 0) {
      return Error{Errc::kInternal, fmt::format("locking the effects: {}", std::strerror(errno))};
    }
    Status status = CatchUp();
    if (status && IsFirst(record)) {
      const std::string line = ToLine(record);
      if (::pwrite(file_, line.data(), line.size(), end_) != static_cast<ssize_t>(line.size())) {
        fmt::print(stderr, "the effects cannot be written: {}\n", std::strerror(errno));
        ::_exit(5);
      }
      end_ += static_cast<off_t>(line.size());
    }
    ::flock(file_, LOCK_UN);
    return status;
  }

 private:
  Effects() = default;

  // What the others have added. What a killed one left half written is written over.
  Status CatchUp() {
    std::string text;
    char chunk[65536];
    ssize_t got = 0;
    while ((got = ::pread(file_, chunk, sizeof chunk, end_ + static_cast<off_t>(text.size()))) > 0) {
      text.append(chunk, static_cast<size_t>(got));
    }
    size_t begin = 0;
    for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      QUANTUM_TRY(const Record record, ParseLine(std::string_view(text).substr(begin, end - begin)));
      IsFirst(record);
    }
    end_ += static_cast<off_t>(begin);
    if (begin < text.size() && ::ftruncate(file_, end_) != 0) {
      return Error{Errc::kInternal, fmt::format("mending the effects: {}", std::strerror(errno))};
    }
    return {};
  }

  // Whether it was not applied before; from now on it was.
  bool IsFirst(const Record& record) {
    std::vector<bool>& applied = applied_[record.producer];
    applied.resize(std::max<size_t>(applied.size(), record.operation + 1));
    const bool first = !applied[record.operation];
    applied[record.operation] = true;
    return first;
  }

  int file_ = -1;
  off_t end_ = 0;
  std::map<std::string, std::vector<bool>> applied_;  // by producer and operation
};

class Consumer {
 public:
  Consumer(const WorkerOptions& options, History& history, Effects& effects)
      : options_(options), history_(history), effects_(effects) {}

  Status Handle(const bus::Event& event) {
    boost::system::error_code error;
    const json::value payload = json::parse(event.payload, error);
    const json::value* const number = error || !payload.is_object() ? nullptr : payload.get_object().if_contains("n");
    if (number == nullptr || !number->is_int64()) {
      return Error{Errc::kInvalidArgument, "no operation in it"};
    }
    Record record{
        Kind::kDelivered,          Now(),    event.producer, static_cast<uint64_t>(number->get_int64()), options_.group,
        bus::FamilyOf(event.type), event.key};
    history_.Write(ToLine(record));
    fiber::SleepFor(kHandling);
    record.kind = Kind::kApplied;
    record.at_ns = Now();
    return effects_.Apply(record);
  }

 private:
  const WorkerOptions& options_;
  History& history_;
  Effects& effects_;
};

volatile std::sig_atomic_t asked_to_stop = 0;

Status Work(fiber::Loop& loop, const WorkerOptions& options) {
  QUANTUM_TRY(const auto history, History::Open(options.history));
  redis::Client client(loop, options.redis);
  bus::BusOptions bus_options{.producer = options.name, .group = options.group, .journal_directory = options.journal};
  bus_options.replicas_required = options.replicas_required;
  bus_options.fenced = [](const std::string& reason) {
    fmt::print(stderr, "fenced: {}\n", reason);
    ::_exit(6);
  };
  QUANTUM_TRY(const auto bus, bus::Bus::Open(loop, client, nullptr, bus_options));
  if (options.producer) {
    Producer(loop, options, *bus, *history).Run();
    return {};
  }
  QUANTUM_TRY(const auto effects, Effects::Open(options.effects));
  Consumer consumer(options, *history, *effects);
  std::vector<std::string> types;
  for (const char* stream : kStreams) {
    types.push_back(TypeOf(stream));
  }
  bus->Subscribe({.types = types, .handler = [&](const bus::Event& event) { return consumer.Handle(event); }});
  std::signal(SIGTERM, [](int) { asked_to_stop = 1; });
  QUANTUM_CHECK(bus->Start());
  while (asked_to_stop == 0) {
    fiber::SleepFor(kTick);
  }
  bus->Stop();
  return {};
}

}  // namespace

Status SaveWorker(const WorkerOptions& options, const std::string& file) {
  json::array sentinels;
  for (const redis::Endpoint& sentinel : options.redis.sentinels) {
    sentinels.push_back({{"host", sentinel.host}, {"port", sentinel.port}});
  }
  const json::object object{{"producer", options.producer},
                            {"name", options.name},
                            {"history", options.history},
                            {"group", options.group},
                            {"effects", options.effects},
                            {"journal", options.journal},
                            {"gate", options.gate},
                            {"per_second", options.per_second},
                            {"replicas_required", options.replicas_required},
                            {"sentinels", std::move(sentinels)},
                            {"master_name", options.redis.master_name},
                            {"sentinel_password", options.redis.sentinel_password},
                            {"user", options.redis.user},
                            {"password", options.redis.password}};
  return WriteFileDurably(file, json::serialize(object));
}

Result<WorkerOptions> LoadWorker(const std::string& file) {
  QUANTUM_TRY(const std::string text, ReadFile(file));
  try {
    const json::object object = json::parse(text).as_object();
    const auto words = [&](const char* name) { return std::string(object.at(name).as_string()); };
    WorkerOptions options;
    options.producer = object.at("producer").as_bool();
    options.name = words("name");
    options.history = words("history");
    options.group = words("group");
    options.effects = words("effects");
    options.journal = words("journal");
    options.gate = words("gate");
    options.per_second = static_cast<int>(object.at("per_second").as_int64());
    options.replicas_required = static_cast<int>(object.at("replicas_required").as_int64());
    for (const json::value& sentinel : object.at("sentinels").as_array()) {
      options.redis.sentinels.push_back(
          {std::string(sentinel.at("host").as_string()), static_cast<int>(sentinel.at("port").as_int64())});
    }
    options.redis.master_name = words("master_name");
    options.redis.sentinel_password = words("sentinel_password");
    options.redis.user = words("user");
    options.redis.password = words("password");
    return options;
  } catch (const std::exception& exception) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("{} is no worker's file of a chaos run ({})", file, exception.what())};
  }
}

Status RunWorker(const WorkerOptions& options) {
  log::SetLevel(log::Level::kWarning);
  for (const char* stream : kStreams) {
    bus::RegisterEventType({TypeOf(stream)});
  }
  fiber::Loop loop(options.name);
  Status status;
  loop.Spawn([&] {
    status = Work(loop, options);
    loop.Stop();
  });
  loop.Run();
  return status;
}

}  // namespace quantum::operate::chaos
