#include "services/risk_safety/policy_book.h"

#include <boost/json.hpp>

#include "platform/log/log.h"
#include "platform/base/durable_file.h"

namespace quantum::risk_safety {
namespace {

constexpr const char* kActiveProfile = "active_profile";
constexpr const char* kTradingState = "trading_state";

// A JSON string's text, or nothing when the value is not one.
std::string StringOf(const std::string& value) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(value, error);
  return !error && parsed.is_string() ? std::string(parsed.get_string()) : std::string();
}

}  // namespace

PolicyBook::PolicyBook(lifecycle::Service& service)
    : service_(service), file_(service.manifest().state_directory() + "/data/risk-safety/policies.json") {}

Status PolicyBook::Load() {
  auto loaded = LoadPolicies(service_.postgres());
  if (loaded.ok()) {
    QUANTUM_CHECK(Adopt(std::move(*loaded)));
    Cache();
    return {};
  }
  auto text = ReadFile(file_);
  boost::system::error_code error;
  const boost::json::value value = text.ok() ? boost::json::parse(*text, error) : boost::json::value();
  if (!text.ok() || error || !value.is_object()) {
    return loaded.error().Within("reading the policies");
  }
  std::map<std::string, PolicyDocument> documents;
  for (const auto& [key, document] : value.get_object()) {
    documents[key] = {key, boost::json::serialize(document.at("value")), document.at("version").to_number<int64_t>()};
  }
  log::Warning("Postgres is away; the policies of the last run are in force", {{"file", file_}});
  return Adopt(std::move(documents));
}

Status PolicyBook::Adopt(std::map<std::string, PolicyDocument> documents) {
  if (!documents.contains(kActiveProfile) || !documents.contains(kTradingState)) {
    return Error{Errc::kInternal, "the table policies lacks active_profile or trading_state; run the migrations"};
  }
  const std::string profile = StringOf(documents.at(kActiveProfile).value);
  const auto found = documents.find(profile);
  if (found == documents.end()) {
    return Error{Errc::kInternal, "active_profile names '" + profile + "', and there is no such profile"};
  }
  QUANTUM_TRY(const Policy policy, ParsePolicy(profile, found->second.value, found->second.version));
  QUANTUM_TRY(const TradingState state, ParseTradingState(StringOf(documents.at(kTradingState).value)));
  active_ = policy;
  trading_state_ = state;
  documents_ = std::move(documents);
  return {};
}

Status PolicyBook::Validate(const std::string& key, const std::string& value) {
  if (key == kTradingState) {
    QUANTUM_TRY(const TradingState state, ParseTradingState(StringOf(value)));
    (void)state;
    return {};
  }
  if (key == kActiveProfile) {
    return StringOf(value).empty() ? Status(Error{Errc::kInvalidArgument, "active_profile must be a profile's name"})
                                   : Status();
  }
  QUANTUM_TRY(const Policy policy, ParsePolicy(key, value, 1));
  (void)policy;
  return {};
}

Result<PolicyDocument> PolicyBook::Put(const std::string& key, const std::string& value, int64_t expected_version,
                                       const std::string& by) {
  QUANTUM_CHECK(Validate(key, value));
  if (key == kActiveProfile && !documents_.contains(StringOf(value))) {
    return Error{Errc::kInvalidArgument, "there is no profile " + value};
  }
  QUANTUM_TRY(const PolicyDocument document,
              PutPolicy(service_.postgres(), service_.bus(), key, value, expected_version, by, service_.clock()));
  log::Warning("policy changed", {{"key", key}, {"version", document.version}, {"by", by}});
  QUANTUM_CHECK(Load());
  return document;
}

void PolicyBook::Cache() {
  boost::json::object all;
  std::vector<redis::Command> commands;
  for (const auto& [key, document] : documents_) {
    const boost::json::object entry{{"value", boost::json::parse(document.value)}, {"version", document.version}};
    all[key] = entry;
    commands.push_back({"SET", "quantum:policy:" + key, boost::json::serialize(entry)});
  }
  if (const Status written = WriteFileDurably(file_, boost::json::serialize(all)); !written.ok()) {
    log::Error("the policies could not be kept on disk", {{"reason", written.error().message}});
  }
  // A cache for readers: without Redis they ask this service.
  if (const auto cached = service_.redis().Run(std::move(commands), std::chrono::seconds(1)); !cached.ok()) {
    log::Warning("the policies could not be cached in Redis", {{"reason", cached.error().message}});
  }
}

}  // namespace quantum::risk_safety
