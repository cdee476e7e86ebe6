#include "closed_loop.h"

#include <fmt/format.h>

#include <cstdlib>

namespace quantum::bench {
namespace {

// The word that follows a label: "Requests/sec:  1234.5".
std::string After(const std::string& text, const std::string& label) {
  size_t at = text.find(label);
  if (at == std::string::npos) {
    return {};
  }
  at = text.find_first_not_of(" \t", at + label.size());
  return text.substr(at, text.find_first_of(" \n\t,", at) - at);
}

}  // namespace

Result<ClosedLoopResult> RunClosedLoop(const ServerUnderTest& server, int connections, int seconds) {
  const std::string url = fmt::format("http://127.0.0.1:{}{}", server.port(), kPath);
  const double cpu_before = server.cpu_seconds();
  Child wrk({"wrk", "-t1", fmt::format("-c{}", connections), fmt::format("-d{}s", seconds), "--latency", url});
  QUANTUM_TRY(const std::string output, wrk.Finish());
  const double cpu = server.cpu_seconds() - cpu_before;
  if (output.find("Non-2xx") != std::string::npos || output.find("Socket errors") != std::string::npos) {
    return Error{Errc::kInternal, fmt::format("{} did not answer every request:\n{}", server.name(), output)};
  }
  ClosedLoopResult result;
  result.requests_per_second = std::strtod(After(output, "Requests/sec:").c_str(), nullptr);
  const size_t requests_in = output.find(" requests in ");
  if (requests_in == std::string::npos || result.requests_per_second <= 0 ||
      output.find("Latency Distribution") == std::string::npos) {
    return Error{Errc::kInternal, "wrk printed no result:\n" + output};
  }
  const size_t line = output.rfind('\n', requests_in) + 1;
  const double requests = std::strtod(output.c_str() + line, nullptr);
  result.cpu_us_per_request = cpu * 1e6 / requests;
  const std::string distribution = output.substr(output.find("Latency Distribution"));
  result.p50 = After(distribution, " 50%");
  result.p99 = After(distribution, " 99%");
  return result;
}

}  // namespace quantum::bench
