#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "platform/config/document.h"
#include "platform/config/scalars.h"

namespace quantum::config {

std::optional<Section::Impl::Entry> Section::Impl::Find(std::string_view key) const {
  if (!node_.IsMap()) {
    return std::nullopt;
  }
  for (const auto& entry : node_) {
    if (entry.first.Scalar() == key) {
      return Entry{entry.second, LineOf(entry.first)};
    }
  }
  return std::nullopt;
}

std::optional<Section::Impl::Entry> Section::Impl::Take(std::string_view key) {
  taken_.emplace(key);
  return Find(key);
}

std::optional<std::string> Section::Impl::TakeScalar(std::string_view key) {
  const auto entry = Take(key);
  if (!entry) {
    return std::nullopt;
  }
  if (!entry->value.IsScalar()) {
    Complain(key, entry->line, entry->value.IsNull() ? "has no value" : "expected one value, found a list or mapping");
    return std::nullopt;
  }
  return entry->value.Scalar();
}

std::shared_ptr<Section::Impl> Section::Impl::Child(std::string key_path, const Entry& entry) {
  children_.push_back(std::make_shared<Impl>(document_, std::move(key_path), entry.value, entry.line));
  return children_.back();
}

void Section::Impl::Complain(std::string_view key, int line, std::string_view what) {
  if (!complaint_) {
    complaint_ = document_->Complaint(key.empty() ? path_ : Join(path_, key), line, what);
  }
}

void Section::Impl::ComplainOf(std::string_view key, std::string_view what) {
  const auto entry = Find(key);
  Complain(key, entry ? entry->line : line_, what);
}

std::vector<std::string> Section::Impl::Keys() const {
  std::vector<std::string> keys;
  if (node_.IsMap()) {
    for (const auto& entry : node_) {
      keys.push_back(entry.first.Scalar());
    }
  }
  return keys;
}

Status Section::Impl::Finish() const {
  if (complaint_) {
    return Error{Errc::kInvalidArgument, *complaint_};
  }
  for (const auto& child : children_) {
    QUANTUM_CHECK(child->Finish());
  }
  for (const std::string& key : Keys()) {
    if (!taken_.contains(key)) {
      const std::string known = taken_.empty() ? "it takes none" : fmt::format("known are {}", fmt::join(taken_, ", "));
      return Error{Errc::kInvalidArgument,
                   document_->Complaint(Join(path_, key), Find(key)->line, fmt::format("unknown key; {}", known))};
    }
  }
  return {};
}

Section::Section(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

bool Section::Has(std::string_view key) const { return impl_->Find(key).has_value(); }

std::string Section::GetString(std::string_view key, std::string fallback) {
  const auto text = impl_->TakeScalar(key);
  return text ? *text : fallback;
}

std::string Section::GetChoice(std::string_view key, std::string fallback, const std::vector<std::string>& allowed) {
  const auto text = impl_->TakeScalar(key);
  if (!text) {
    return fallback;
  }
  if (std::find(allowed.begin(), allowed.end(), *text) == allowed.end()) {
    impl_->ComplainOf(key, fmt::format("expected one of {}, found '{}'", fmt::join(allowed, ", "), *text));
    return fallback;
  }
  return *text;
}

namespace {

// A scalar parsed and held to its range; complaints go to the section, and the fallback to the caller.
template <class T, class Parse, class Format>
T Ranged(Section::Impl& impl, std::string_view key, T fallback, T min, T max, Parse parse, Format format) {
  const auto text = impl.TakeScalar(key);
  if (!text) {
    return fallback;
  }
  const Result<T> value = parse(*text);
  if (!value.ok()) {
    impl.ComplainOf(key, value.error().message);
    return fallback;
  }
  if (*value < min || *value > max) {
    impl.ComplainOf(key, fmt::format("must be between {} and {}, is {}", format(min), format(max), *text));
    return fallback;
  }
  return *value;
}

template <class T>
std::string Plain(T value) {
  return fmt::format("{}", value);
}

}  // namespace

bool Section::GetBool(std::string_view key, bool fallback) {
  return Ranged(*impl_, key, fallback, false, true, ParseBool, Plain<bool>);
}

int64_t Section::GetInt(std::string_view key, int64_t fallback, int64_t min, int64_t max) {
  return Ranged(*impl_, key, fallback, min, max, ParseInt, Plain<int64_t>);
}

double Section::GetDouble(std::string_view key, double fallback, double min, double max) {
  return Ranged(*impl_, key, fallback, min, max, ParseDouble, Plain<double>);
}

std::chrono::nanoseconds Section::GetDuration(std::string_view key, std::chrono::nanoseconds fallback,
                                              std::chrono::nanoseconds min, std::chrono::nanoseconds max) {
  return Ranged(*impl_, key, fallback, min, max, ParseDuration, FormatDuration);
}

uint64_t Section::GetBytes(std::string_view key, uint64_t fallback, uint64_t min, uint64_t max) {
  return Ranged(*impl_, key, fallback, min, max, ParseBytes, Plain<uint64_t>);
}

std::vector<std::string> Section::GetStrings(std::string_view key, std::vector<std::string> fallback) {
  const auto entry = impl_->Take(key);
  if (!entry) {
    return fallback;
  }
  if (!entry->value.IsSequence()) {
    impl_->Complain(key, entry->line, "expected a list of texts");
    return fallback;
  }
  std::vector<std::string> texts;
  for (const YAML::Node& node : entry->value) {
    if (!node.IsScalar()) {
      impl_->Complain(key, std::max(LineOf(node), entry->line), "expected a list of texts");
      return fallback;
    }
    texts.push_back(node.Scalar());
  }
  return texts;
}

std::vector<std::string> Section::GetWords(std::string_view key) {
  const auto entry = impl_->Find(key);
  if (entry && entry->value.IsSequence()) {
    return GetStrings(key, {});
  }
  std::istringstream text(GetString(key, ""));
  return {std::istream_iterator<std::string>(text), std::istream_iterator<std::string>()};
}

std::map<std::string, std::string> Section::GetStringMap(std::string_view key) {
  std::map<std::string, std::string> map;
  Section section = GetSection(key);
  for (const std::string& name : section.Keys()) {
    map[name] = section.GetString(name, "");
  }
  return map;
}

Section Section::GetSection(std::string_view key) {
  auto entry = impl_->Take(key);
  if (entry && !entry->value.IsMap() && !entry->value.IsNull()) {
    impl_->Complain(key, entry->line, "expected a mapping");
    entry.reset();
  }
  return Section(impl_->Child(Join(impl_->path(), key), entry ? *entry : Impl::Entry{YAML::Node(), impl_->line()}));
}

std::vector<Section> Section::GetSections(std::string_view key) {
  std::vector<Section> sections;
  const auto entry = impl_->Take(key);
  if (!entry) {
    return sections;
  }
  if (!entry->value.IsSequence()) {
    impl_->Complain(key, entry->line, "expected a list of mappings");
    return sections;
  }
  for (const YAML::Node& node : entry->value) {
    const int line = std::max(LineOf(node), entry->line);
    if (!node.IsMap()) {
      impl_->Complain(key, line, "expected a list of mappings");
      return sections;
    }
    const std::string path = Join(Join(impl_->path(), key), std::to_string(sections.size()));
    sections.emplace_back(impl_->Child(path, {node, line}));
  }
  return sections;
}

std::vector<std::string> Section::GetKeys(std::string_view key) {
  const auto entry = impl_->Take(key);
  std::vector<std::string> keys;
  if (entry && entry->value.IsMap()) {
    for (const auto& each : entry->value) {
      keys.push_back(each.first.Scalar());
    }
  } else if (entry && !entry->value.IsNull()) {
    impl_->Complain(key, entry->line, "expected a mapping");
  }
  return keys;
}

std::vector<std::string> Section::Keys() const { return impl_->Keys(); }
int Section::line() const { return impl_->line(); }
void Section::Complain(std::string_view key, std::string_view what) { impl_->ComplainOf(key, what); }
Status Section::Finish() { return impl_->Finish(); }

}  // namespace quantum::config
