#include "exchange/paper/options.h"

#include <fmt/format.h>

#include <filesystem>

#include "exchange/paper/engine/rules.h"

namespace quantum::paper {
namespace {

constexpr std::string_view kRecording = "recording:";

std::vector<std::string> Files(std::string_view list, const std::filesystem::path& base) {
  std::vector<std::string> files;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::filesystem::path file(list.substr(0, comma));
    if (!file.empty()) {
      files.push_back((file.is_absolute() ? file : base / file).lexically_normal().string());
    }
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return files;
}

}  // namespace

Result<PaperOptions> ReadOptions(const config::Manifest& manifest) {
  if (manifest.mode() != config::Mode::kPaper) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("the paper exchange does not start in mode {}: orders of that mode belong to Binance; set "
                             "`mode: PAPER` or take the unit paper-exchange out of the manifest",
                             config::ToString(manifest.mode()))};
  }
  PaperOptions options;
  options.symbols = manifest.symbols();
  for (const std::string& symbol : options.symbols) {
    if (FindRules(symbol) == nullptr) {
      return Error{
          Errc::kInvalidArgument,
          fmt::format("the paper exchange has no rules for {}; engine/rules.cpp lists those it trades", symbol)};
    }
  }
  config::Section market = manifest.Top("market");
  const std::string source = market.GetString("source", "synthetic");
  if (source.starts_with(kRecording)) {
    options.files =
        Files(std::string_view(source).substr(kRecording.size()), std::filesystem::path(manifest.path()).parent_path());
  }
  if (options.files.empty() && source != "synthetic") {
    market.Complain("source", "must be `synthetic` or `recording:FILE[,FILE]`");
  }
  options.seed = static_cast<uint64_t>(market.GetInt("seed", 1, 0, INT64_MAX));
  options.rate = market.GetDouble("rate", options.rate, 0.001, 10);
  options.warmup = market.GetDuration("warmup", options.warmup, Duration{}, std::chrono::hours(24));
  const std::string speed = market.GetChoice("speed", "1", {"1", "10", "max"});
  options.speed = speed == "max" ? 0 : std::stoi(speed);
  QUANTUM_CHECK(market.Finish());
  config::Section section = manifest.Service("paper-exchange");
  const auto wallet = trading::Decimal::Parse(section.GetString("wallet", "10000"));
  if (!wallet.ok() || wallet->is_negative()) {
    section.Complain("wallet", "must be an amount of USDT");
  } else {
    options.wallet = *wallet;
  }
  options.latency = section.GetDuration("latency", Duration{}, Duration{}, std::chrono::seconds(30));
  const auto times = static_cast<int>(section.GetInt("limits", 100, 1, 10'000));
  options.rest.weight_per_minute = 2'400 * times;
  options.rest.orders_per_10s = 300 * times;
  options.rest.orders_per_minute = 1'200 * times;
  const Duration funding =
      section.GetDuration("funding", std::chrono::hours(8), std::chrono::seconds(1), std::chrono::hours(24));
  options.engine.funding_interval_ms = std::chrono::duration_cast<std::chrono::milliseconds>(funding).count();
  options.engine.countdown_spares_conditional = section.GetChoice("countdown", "all", {"all", "plain"}) == "plain";
  QUANTUM_CHECK(section.Finish());
  options.directory = manifest.state_directory() + "/data/paper-exchange";
  return options;
}

}  // namespace quantum::paper
