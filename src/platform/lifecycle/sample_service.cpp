// The smallest service, for tests of the lifecycle. Needs no server, or Redis when SAMPLE_REDIS is set; SAMPLE_UNIT is
// the unit it runs as. the unit it runs as.

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "platform/lifecycle/service.h"
#include "platform/log/log.h"

namespace quantum::sample {
namespace {

using std::chrono::milliseconds;

milliseconds Requested(const http::Request& request) { return milliseconds(std::atoi(request.Query("ms")->c_str())); }

class Sample final : public lifecycle::Component {
 public:
  explicit Sample(lifecycle::Service& service) : service_(service) {}

  Status Configure() override {
    config::Section section = service_.manifest().Service("sample");
    failures_ = static_cast<int>(section.GetInt("start_failures", 0, 0, 1'000'000));
    broken_ = section.GetBool("start_broken", false);
    const std::string peer = section.GetString("peer", "");
    QUANTUM_CHECK(section.Finish());
    service_.Route("GET", "/api/sample/slow", [this](const http::Request& request) {
      fiber::SleepFor(Requested(request));
      return http::Json(fmt::format(R"({{"answered": {}}})", ++answered_));
    });
    service_.Route("POST", "/api/sample/block", [](const http::Request& request) {
      std::this_thread::sleep_for(Requested(request));
      return http::Json("{}");
    });
    service_.AddDependency({"optional", milliseconds(500), false, []() -> Status {
                              log::Debug("sample checked");
                              return {};
                            }});
    if (!peer.empty()) {
      service_.AddHttpDependency(peer);
    }
    return {};
  }

  Status Start() override {
    if (broken_) {
      return Error{Errc::kInvalidArgument, "the sample is told not to start"};
    }
    if (failures_ > 0) {
      --failures_;
      return Error{Errc::kUnavailable, "the sample's dependency is away"};
    }
    return {};
  }

  void Pause() override { log::Info("sample paused"); }
  void Resume() override { log::Info("sample resumed"); }
  void Drain() override { log::Info("sample drained", {{"answered", answered_}}); }
  std::string SaveState() override { return HealthMetrics(); }
  void RestoreState(std::string_view state) override {
    answered_ = static_cast<int>(boost::json::parse(state).at("answered").as_int64());
  }
  std::string HealthMetrics() override { return fmt::format(R"({{"answered": {}}})", answered_); }

 private:
  lifecycle::Service& service_;
  int failures_ = 0;
  bool broken_ = false;
  int answered_ = 0;
};

}  // namespace
}  // namespace quantum::sample

int main(int argc, char** argv) {
  const char* const unit = std::getenv("SAMPLE_UNIT");
  return quantum::lifecycle::Main(
      argc, argv,
      {.name = "sample-service",
       .unit = unit == nullptr ? "sample" : unit,
       .api_prefix = "sample",
       .redis = std::getenv("SAMPLE_REDIS") != nullptr},
      [](quantum::lifecycle::Service& service) { return std::make_unique<quantum::sample::Sample>(service); });
}
