#include "platform/log/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <shared_mutex>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/log/record.h"
#include "platform/log/rotating_file.h"
#include "platform/log/setup.h"
#include "platform/log/writer.h"
#include "platform/metrics/names.h"

namespace quantum::log {
namespace {

constexpr std::array<std::string_view, 5> kLevels = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};

// The id of records that belong to no request, event or round: one for the life of the process.
const std::string& ProcessId() {
  static const std::string* const id = new std::string(NewUuid());
  return *id;
}

metrics::Counter& Dropped() {
  static metrics::Counter& counter = metrics::GetCounter(metrics::kLogRecordsDropped);
  return counter;
}

// Where lines end up: the two files and standard output. Lives on the writer's thread.
class Destination {
 public:
  Destination(Options options, Masker masker) : options_(std::move(options)), masker_(std::move(masker)) {}

  Status Open() {
    if (options_.directory.empty()) {
      options_.standard_output = true;
      return {};
    }
    std::error_code error;
    std::filesystem::create_directories(options_.directory, error);
    if (error) {
      return quantum::Error{Errc::kUnavailable,
                            fmt::format("cannot create the log directory {}: {}", options_.directory, error.message())};
    }
    const std::string base = options_.directory + "/" + (options_.file.empty() ? options_.service : options_.file);
    QUANTUM_TRY(auto all, RotatingFile::Open(base + ".log", options_.file_bytes_max, options_.files_kept));
    QUANTUM_TRY(auto errors,
                RotatingFile::Open(base + ".error.log", options_.error_file_bytes_max, options_.error_files_kept));
    all_.emplace(std::move(all));
    errors_.emplace(std::move(errors));
    return {};
  }

  void Write(const std::deque<Line>& lines, uint64_t dropped) {
    if (dropped != 0) {
      Put(Report("log records dropped because the disk was behind", dropped));
    }
    for (const Line& line : lines) {
      Put(line);
    }
    Flush();
  }

 private:
  void Put(const Line& line) {
    if (all_) {
      all_->Append(line.text);
      if (line.level >= Level::kError) {
        errors_->Append(line.text);
      }
    }
    if (options_.standard_output) {
      output_ += line.text;
    }
  }

  void Flush() {
    for (size_t done = 0; done < output_.size();) {
      const ssize_t n = write(STDOUT_FILENO, output_.data() + done, output_.size() - done);
      if (n <= 0) {
        break;  // nobody reads it any more; the files are the record
      }
      done += static_cast<size_t>(n);
    }
    output_.clear();
    if (all_) {
      all_->Flush();
      errors_->Flush();
      ReportLost();
    }
  }

  // Lines that a full or broken disk refused: reported once it takes lines again.
  void ReportLost() {
    const uint64_t lost = all_->lost();
    if (lost > counted_) {
      Dropped().Add(static_cast<double>(lost - counted_));
      counted_ = lost;
    } else if (lost > reported_) {
      Put(Report("log records lost because the file could not be written", lost - reported_));
      reported_ = lost;
      all_->Flush();
      errors_->Flush();
    }
  }

  Line Report(std::string_view message, uint64_t count) const {
    return {Level::kWarning, FormatRecord(masker_, options_.service,
                                          {Level::kWarning,
                                           message,
                                           {{"dropped", count}},
                                           std::source_location::current(),
                                           SystemClock().Now(),
                                           ProcessId()})};
  }

  Options options_;
  Masker masker_;
  std::optional<RotatingFile> all_;
  std::optional<RotatingFile> errors_;
  std::string output_;
  uint64_t counted_ = 0;
  uint64_t reported_ = 0;
};

// One log for the process; never destroyed, because destructors of statics may still log.
struct Log {
  std::atomic<Level> level{Level::kInfo};
  std::shared_mutex mutex;  // writers of records share it; Setup and Shutdown own it
  std::string service;
  Masker masker;
  std::unique_ptr<Destination> destination;
  std::unique_ptr<Writer> writer;
};

Log& Instance() {
  static Log* const log = new Log;
  return *log;
}

}  // namespace

std::string_view ToString(Level level) { return kLevels.at(static_cast<size_t>(level)); }

Result<Level> ParseLevel(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  const auto found = std::find(kLevels.begin(), kLevels.end(), upper);
  if (found == kLevels.end()) {
    return quantum::Error{Errc::kInvalidArgument,
                          fmt::format("unknown log level '{}': use DEBUG, INFO, WARNING, ERROR or CRITICAL", text)};
  }
  return static_cast<Level>(found - kLevels.begin());
}

void Write(Level level, std::string_view message, Fields fields, std::source_location where) {
  Log& log = Instance();
  if (level < log.level.load(std::memory_order_relaxed)) {
    return;
  }
  const std::string& current = CurrentCorrelationId();
  const std::string& id = current.empty() ? ProcessId() : current;
  const std::shared_lock lock(log.mutex);
  std::string text = FormatRecord(log.masker, log.service, {level, message, fields, where, SystemClock().Now(), id});
  if (log.writer == nullptr) {
    [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, text.data(), text.size());
    return;
  }
  if (const uint64_t dropped = log.writer->Push({level, std::move(text)}); dropped != 0) {
    Dropped().Add(static_cast<double>(dropped));
  }
}

Status Setup(const Options& options) {
  Log& log = Instance();
  const std::unique_lock lock(log.mutex);
  QUANTUM_ASSERT(log.writer == nullptr);
  Masker masker(options.masked_keys);
  auto destination = std::make_unique<Destination>(options, masker);
  QUANTUM_CHECK(destination->Open());
  log.service = options.service;
  log.masker = std::move(masker);
  log.level = options.level;
  log.destination = std::move(destination);
  Dropped();  // present in the metrics from the start
  log.writer = std::make_unique<Writer>(
      options.queue_records, [destination = log.destination.get()](const std::deque<Line>& lines, uint64_t dropped) {
        destination->Write(lines, dropped);
      });
  return {};
}

void Shutdown() {
  Log& log = Instance();
  const std::unique_lock lock(log.mutex);
  log.writer.reset();
  log.destination.reset();
}

void SetLevel(Level level) { Instance().level = level; }
Level CurrentLevel() { return Instance().level; }
uint64_t DroppedRecords() { return static_cast<uint64_t>(Dropped().value()); }

}  // namespace quantum::log
