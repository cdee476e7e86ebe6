// A service with nothing but one route that gives a small answer: what bench-http loads beside the bare server.
#include <memory>
#include <string>

#include "platform/lifecycle/service.h"
#include "server_under_test.h"

namespace quantum::bench {
namespace {

class Answering final : public lifecycle::Component {
 public:
  explicit Answering(lifecycle::Service& service) : service_(service) {}
  Status Configure() override {
    service_.Route("GET", kPath, [](const http::Request&) { return http::Json(kBody); });
    return {};
  }
  Status Start() override { return {}; }

 private:
  lifecycle::Service& service_;
};

}  // namespace
}  // namespace quantum::bench

int main(int argc, char** argv) {
  return quantum::lifecycle::Main(
      argc, argv, {.name = "sample-service", .unit = "sample", .api_prefix = "sample", .redis = false},
      [](quantum::lifecycle::Service& service) { return std::make_unique<quantum::bench::Answering>(service); });
}
