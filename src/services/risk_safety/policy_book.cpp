#include "services/risk_safety/policy_book.h"

#include <boost/json.hpp>

#include "platform/base/durable_file.h"
#include "platform/log/log.h"

namespace quantum::risk_safety {
namespace {

using Documents = std::map<std::string, PolicyDocument>;

constexpr const char* kActiveProfile = "active_profile";
constexpr const char* kTradingState = "trading_state";

// A JSON string's text, or nothing when the value is not one.
std::string StringOf(const std::string& value) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(value, error);
  return !error && parsed.is_string() ? std::string(parsed.get_string()) : std::string();
}

boost::json::object ToEntry(const PolicyDocument& document) {
  return {{"value", boost::json::parse(document.value)}, {"version", document.version}};
}

// The file as Keep writes it.
Result<Documents> ParseDocuments(const std::string& text) {
  const Error damaged{Errc::kInternal, "the file of the policies is damaged"};
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  if (error || !value.is_object()) {
    return damaged;
  }
  Documents documents;
  for (const auto& [key, entry] : value.get_object()) {
    const boost::json::value* document = entry.is_object() ? entry.get_object().if_contains("value") : nullptr;
    const boost::json::value* version = entry.is_object() ? entry.get_object().if_contains("version") : nullptr;
    if (document == nullptr || version == nullptr || !version->is_int64()) {
      return damaged;
    }
    documents[key] = {key, boost::json::serialize(*document), version->get_int64()};
  }
  return documents;
}

}  // namespace

PolicyBook::PolicyBook(postgres::Pool& pool, bus::Bus& bus, redis::Client* redis, const Clock& clock, std::string file)
    : pool_(pool), bus_(bus), redis_(redis), clock_(clock), file_(std::move(file)) {}

Status PolicyBook::Load() {
  const Status refreshed = Refresh();
  if (refreshed.ok() || !documents_.empty()) {
    return {};
  }
  auto text = ReadFile(file_);
  const auto documents = text.ok() ? ParseDocuments(*text) : Result<Documents>(text.error());
  if (!documents.ok()) {
    return refreshed.error().Within("reading the policies");
  }
  log::Warning("Postgres is away; the policies of the last run are in force", {{"file", file_}});
  QUANTUM_TRY(const bool adopted, Adopt(*documents));
  static_cast<void>(adopted);
  return {};
}

Status PolicyBook::Refresh() {
  QUANTUM_TRY(const auto loaded, LoadPolicies(pool_));
  QUANTUM_TRY(const bool changed, Adopt(loaded));
  if (changed) {
    Keep();
  } else if (!cached_) {
    Cache();
  }
  return {};
}

Result<bool> PolicyBook::Adopt(const Documents& documents) {
  Documents merged = documents_;
  bool changed = false;
  for (const auto& [key, document] : documents) {
    const auto found = merged.find(key);
    if (found == merged.end() || found->second.version < document.version) {
      merged[key] = document;
      changed = true;
    }
  }
  if (!merged.contains(kActiveProfile) || !merged.contains(kTradingState)) {
    return Error{Errc::kInternal, "the table policies lacks active_profile or trading_state; run the migrations"};
  }
  if (!changed) {
    return false;
  }
  const std::string profile = StringOf(merged.at(kActiveProfile).value);
  const auto found = merged.find(profile);
  if (found == merged.end()) {
    return Error{Errc::kInternal, "active_profile names '" + profile + "', and there is no such profile"};
  }
  QUANTUM_TRY(const Policy policy, ParsePolicy(profile, found->second.value, found->second.version));
  QUANTUM_TRY(const TradingState state, ParseTradingState(StringOf(merged.at(kTradingState).value)));
  if (!documents_.empty()) {
    log::Warning("policies in force changed",
                 {{"policy", profile}, {"version", policy.version}, {"trading_state", ToString(state)}});
  }
  active_ = policy;
  trading_state_ = state;
  documents_ = std::move(merged);
  return true;
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
  QUANTUM_TRY(const PolicyDocument document, PutPolicy(pool_, bus_, key, value, expected_version, by, clock_));
  log::Warning("policy changed", {{"key", key}, {"version", document.version}, {"by", by}});
  QUANTUM_TRY(const bool changed, Adopt({{key, document}}));
  if (changed) {
    Keep();
  }
  return document;
}

void PolicyBook::Keep() {
  boost::json::object all;
  for (const auto& [key, document] : documents_) {
    all[key] = ToEntry(document);
  }
  if (const Status written = WriteFileDurably(file_, boost::json::serialize(all)); !written.ok()) {
    log::Error("the policies could not be kept on disk", {{"reason", written.error().message}});
  }
  Cache();
}

// For readers: without Redis they ask this service.
void PolicyBook::Cache() {
  if (redis_ == nullptr) {
    return;
  }
  std::vector<redis::Command> commands;
  for (const auto& [key, document] : documents_) {
    commands.push_back({"SET", "quantum:policy:" + key, boost::json::serialize(ToEntry(document))});
  }
  const auto cached = redis_->Run(std::move(commands), std::chrono::seconds(1));
  if (!cached.ok() && cached_) {
    log::Warning("the policies cannot be cached in Redis; tried again", {{"reason", cached.error().message}});
  }
  cached_ = cached.ok();
}

}  // namespace quantum::risk_safety
