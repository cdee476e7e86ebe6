#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>

#include "exchange/paper/faults/fault.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;
using trading::operator""_dec;

constexpr int64_t kCountMost = 1'000'000;
constexpr int64_t kForMostMs = 3'600'000;

Error Wrong(std::string_view key, std::string_view what) {
  return {Errc::kInvalidArgument, fmt::format("{}: {}", key, what)};
}

Result<Decimal> NumberOf(std::string_view key, const json::value& value) {
  const auto number = value.is_string()  ? Decimal::Parse(std::string_view(value.as_string()))
                      : value.is_int64() ? Decimal::Parse(std::to_string(value.as_int64()))
                      : value.is_double() && value.as_double() > -1e9 && value.as_double() < 1e9
                          ? Result<Decimal>(Decimal::FromDouble(value.as_double()))
                          : Error{Errc::kInvalidArgument, ""};
  return number.ok() ? number : Wrong(key, "a number is wanted");
}

Result<int64_t> WholeOf(std::string_view key, const json::value& value, int64_t most) {
  if (!value.is_int64() || value.as_int64() < 0 || value.as_int64() > most) {
    return Wrong(key, fmt::format("a whole number from 0 to {} is wanted", most));
  }
  return value.as_int64();
}

bool SeesEvents(FaultStage stage) { return stage == FaultStage::kEvent; }
bool SeesRequests(FaultStage stage) {
  return stage == FaultStage::kBefore || stage == FaultStage::kAfter || stage == FaultStage::kEither ||
         stage == FaultStage::kOutage;
}

Status ReadMatch(const json::value& value, const FaultKind& kind, FaultMatch& match) {
  if (!value.is_object()) {
    return Wrong("match", "an object is wanted");
  }
  for (const auto& [key, text] : value.as_object()) {
    const bool of_positions = kind.name == "funding-now" || kind.name == "liquidation-now";
    const bool allowed = key == "symbol"   ? SeesRequests(kind.stage) || SeesEvents(kind.stage) || of_positions
                         : key == "method" ? SeesRequests(kind.stage)
                         : key == "path"   ? SeesRequests(kind.stage) || kind.stage == FaultStage::kStreams
                         : key == "event"  ? SeesEvents(kind.stage)
                                           : false;
    if (!allowed) {
      return Wrong(fmt::format("match.{}", std::string_view(key)), fmt::format("{} does not look at it", kind.name));
    }
    if (!text.is_string()) {
      return Wrong(fmt::format("match.{}", std::string_view(key)), "a text is wanted");
    }
    std::string& target = key == "symbol"   ? match.symbol
                          : key == "method" ? match.method
                          : key == "path"   ? match.path
                                            : match.event;
    target = std::string(text.as_string());
  }
  if (kind.stage == FaultStage::kStreams && !match.path.empty() && match.path != "/public" && match.path != "/market" &&
      match.path != "/private") {
    return Wrong("match.path", "of streams there are /public, /market and /private");
  }
  return {};
}

Status ReadParameters(const json::value& value, const FaultKind& kind, FaultSpec& spec) {
  if (!value.is_object()) {
    return Wrong("parameters", "an object is wanted");
  }
  for (const auto& [key, given] : value.as_object()) {
    const std::string name = fmt::format("parameters.{}", std::string_view(key));
    const auto parameter = std::find_if(kind.parameters.begin(), kind.parameters.end(),
                                        [&key = key](const FaultParameter& each) { return each.name == key; });
    if (parameter == kind.parameters.end()) {
      return Wrong(name, fmt::format("{} has no such parameter", kind.name));
    }
    QUANTUM_TRY(const Decimal number, NumberOf(name, given));
    if (number < parameter->min || number > parameter->max) {
      return Wrong(name, fmt::format("must be from {} to {}", parameter->min.ToString(), parameter->max.ToString()));
    }
    spec.parameters[std::string(key)] = number;
  }
  return {};
}

Status ReadKey(std::string_view key, const json::value& value, const FaultKind& kind, FaultSpec& spec) {
  if (key == "seed") {
    QUANTUM_TRY(const int64_t seed, WholeOf(key, value, INT64_MAX));
    spec.seed = static_cast<uint64_t>(seed);
  } else if (key == "share") {
    QUANTUM_TRY(spec.share, NumberOf(key, value));
    if (!spec.share.is_positive() || spec.share > "1"_dec) {
      return Wrong(key, "must be above 0 and at most 1");
    }
  } else if (key == "match") {
    return ReadMatch(value, kind, spec.match);
  } else if (key == "count") {
    QUANTUM_TRY(spec.count, WholeOf(key, value, kCountMost));
  } else if (key == "for_ms") {
    QUANTUM_TRY(spec.for_ms, WholeOf(key, value, kForMostMs));
  } else if (key == "parameters") {
    return ReadParameters(value, kind, spec);
  } else if (key != "name") {
    return Wrong(key, "unknown; there are name, seed, share, match, count, for_ms and parameters");
  }
  return {};
}

}  // namespace

Result<FaultSpec> ParseFault(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) {
    return Wrong("body", "a JSON object is wanted");
  }
  const json::object& object = value.as_object();
  const json::value* name = object.if_contains("name");
  const FaultKind* kind =
      name != nullptr && name->is_string() ? FindFaultKind(std::string_view(name->as_string())) : nullptr;
  if (kind == nullptr) {
    std::vector<std::string_view> names;
    for (const FaultKind& each : FaultKinds()) {
      names.push_back(each.name);
    }
    return Wrong("name", fmt::format("there are {}", fmt::join(names, ", ")));
  }
  FaultSpec spec;
  spec.name = std::string(kind->name);
  spec.share = "1"_dec;
  for (const FaultParameter& parameter : kind->parameters) {
    spec.parameters[std::string(parameter.name)] = parameter.fallback;
  }
  for (const auto& [key, given] : object) {
    QUANTUM_CHECK(ReadKey(std::string_view(key), given, *kind, spec));
  }
  if (kind->needs_symbol && spec.match.symbol.empty()) {
    return Wrong("match.symbol", fmt::format("{} is about one symbol: name it", kind->name));
  }
  return spec;
}

}  // namespace quantum::paper
