#include "tests/platform/patient_clients.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/support/postgres_server.h"

namespace quantum::testing {

namespace {

constexpr seconds kPatience(60);
constexpr milliseconds kBetween(10);

http::ClientOptions Patient(std::map<std::string, std::string> standbys) {
  http::ClientOptions options;
  options.standbys = std::move(standbys);
  options.attempts_max = 1000;
  options.breaker_failures = 1'000'000;  // a breaker would give up what patience is for
  options.retry_ratio = 100;
  options.retry_reserve = 1000;  // a restart under a sanitizer takes ten seconds
  return options;
}

}  // namespace

PatientClients::PatientClients(std::vector<Target> targets, std::map<std::string, std::string> standbys)
    : targets_(std::move(targets)) {
  for (const Target& target : targets_) {
    tallies_[target.name];
  }
  thread_ = std::thread([this, standbys = std::move(standbys)] {
    RunInFiber([&](fiber::Loop& loop) {
      http::Client client(loop, Patient(standbys));
      size_t at_work = targets_.size();
      fiber::Event done;
      for (const Target& target : targets_) {
        loop.Spawn([&] {
          Ask(target, client);
          if (--at_work == 0) {
            done.Set();
          }
        });
      }
      done.Wait();
    });
  });
}

void PatientClients::Stop() {
  stop_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
}

void PatientClients::Ask(const Target& target, http::Client& client) {
  for (int number = 0; !stop_; ++number) {
    http::ClientRequest request = target.request;
    request.idempotent = true;
    request.timeout = kPatience;
    if (!target.key_field.empty()) {
      request.body.insert(1, fmt::format(R"("{}":"patient-{}-{}",)", target.key_field, NowMs(), number));
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = client.Send(request);
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    {
      const std::lock_guard lock(mutex_);
      Tally& tally = tallies_[target.name];
      tally.slowest_s = std::max(tally.slowest_s, took);
      if (answer.ok() && target.good.contains(answer->status)) {
        ++tally.answered;
      } else {
        ++tally.failed[answer.ok() ? fmt::format("status {}: {}", answer->status, answer->body.substr(0, 200))
                                   : answer.error().message];
      }
    }
    fiber::SleepFor(kBetween);
  }
}

std::map<std::string, PatientClients::Tally> PatientClients::tallies() const {
  const std::lock_guard lock(mutex_);
  return tallies_;
}

int PatientClients::fewest() const {
  const std::lock_guard lock(mutex_);
  return std::min_element(tallies_.begin(), tallies_.end(),
                          [](const auto& a, const auto& b) { return a.second.answered < b.second.answered; })
      ->second.answered;
}

}  // namespace quantum::testing
