#include "platform/bus/journal/writer.h"

#include <future>
#include <thread>

#include "platform/log/log.h"
#include "platform/resilience/resilience.h"

namespace quantum::bus::journal {

namespace {

using namespace std::chrono_literals;

constexpr Duration kTidy = 1s;  // how often an idle journal looks for segments that can go

}  // namespace

// A loop on a thread of its own, which also makes and destroys it.
class Writer::DiskThread {
 public:
  DiskThread() {
    std::promise<fiber::Loop*> made;
    auto loop = made.get_future();
    thread_ = std::thread([&made] {
      fiber::Loop own("journal");
      made.set_value(&own);
      own.Run();
    });
    loop_ = loop.get();
  }
  ~DiskThread() {
    loop_->Post([loop = loop_] { loop->Stop(); });
    thread_.join();
  }
  fiber::Loop& loop() { return *loop_; }

 private:
  fiber::Loop* loop_ = nullptr;
  std::thread thread_;
};

Writer::Writer(Journal& journal, Storage& storage, const Clock& clock, Random& random,
               std::function<void(size_t, uint64_t)> durable)
    : journal_(journal),
      storage_(storage),
      clock_(clock),
      random_(random),
      durable_(std::move(durable)),
      disk_(std::make_unique<DiskThread>()) {}

Writer::~Writer() = default;

void Writer::Run() {
  resilience::Backoff backoff({.base = 20ms, .cap = 1s, .floor = 10ms}, random_);
  std::string known_trouble;
  while (true) {
    auto job = journal_.Next(clock_.Steady(), clock_.Now());
    if (!job) {
      if (stop_.is_set()) {
        return;
      }
      work_.Reset();
      work_.WaitFor(kTidy);
      continue;
    }
    const Journal::Outcome outcome = fiber::RunOn(disk_->loop(), [&] { return CarryOut(*job, storage_); });
    journal_.Finish(outcome, std::move(job->bytes));
    if (journal_.trouble().empty()) {
      if (!std::exchange(known_trouble, {}).empty()) {
        log::Info("the journal can be written again");
      }
      backoff.Reset();
      Tell();
      continue;
    }
    if (journal_.trouble() != known_trouble) {
      known_trouble = journal_.trouble();
      log::Critical("the journal cannot be written; nothing counts as published until it can",
                    {{"reason", known_trouble}, {"waiting", journal_.pending()}});
    }
    if (stop_.is_set()) {
      return;
    }
    stop_.WaitFor(backoff.Next());
  }
}

void Writer::Tell() {
  told_.resize(journal_.lanes(), 0);
  for (size_t lane = 0; lane < told_.size(); ++lane) {
    if (const uint64_t durable = journal_.durable(lane); durable > told_[lane]) {
      told_[lane] = durable;
      durable_(lane, durable);
    }
  }
}

void Writer::Stop() {
  stop_.Set();
  work_.Set();
}

}  // namespace quantum::bus::journal
