#include "platform/config/document.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace quantum::config {
namespace {

// Sets root.a.b.c; missing mappings are made on the way. Returns what stands in the way, or nothing.
std::optional<std::string> SetPath(YAML::Node node, std::string_view path, const YAML::Node& value) {
  const size_t dot = path.find('.');
  const std::string key(path.substr(0, dot));
  if (key.empty()) {
    return "a key is empty";
  }
  if (node.IsDefined() && !node.IsNull() && !node.IsMap()) {
    return fmt::format("what stands in front of '{}' is not a mapping", key);
  }
  if (dot == std::string_view::npos) {
    node[key] = value;
    return std::nullopt;
  }
  return SetPath(node[key], path.substr(dot + 1), value);
}

}  // namespace

int LineOf(const YAML::Node& node) { return node.Mark().is_null() ? 0 : node.Mark().line + 1; }

std::string Join(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

Result<std::shared_ptr<const Document>> Document::Load(const std::string& path,
                                                       const std::vector<std::string>& overrides) {
  auto document = std::make_shared<Document>();
  document->path_ = path;
  std::ifstream file(path);
  if (!file) {
    return Error{Errc::kNotFound, fmt::format("cannot read the manifest {}: {}", path, std::strerror(errno))};
  }
  try {
    document->root_ = YAML::Load(file);
  } catch (const YAML::Exception& error) {
    return Error{Errc::kInvalidArgument, fmt::format("{}:{}: {}", path, error.mark.line + 1, error.msg)};
  }
  if (!document->root_.IsMap()) {
    return Error{Errc::kInvalidArgument, fmt::format("{}:1: the manifest is not a mapping", path)};
  }
  if (auto complaint = document->Repeated(document->root_, "")) {
    return Error{Errc::kInvalidArgument, *std::move(complaint)};
  }
  for (const std::string& text : overrides) {
    QUANTUM_CHECK(document->Override(text));
  }
  return std::shared_ptr<const Document>(std::move(document));
}

Status Document::Override(const std::string& text) {
  const auto complain = [&](std::string_view what) {
    return Error{Errc::kInvalidArgument, fmt::format("override {}: {}", text, what)};
  };
  const size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return complain("expected key.path=value");
  }
  const std::string path = text.substr(0, equals);
  try {
    if (const auto obstacle = SetPath(root_, path, YAML::Load(text.substr(equals + 1)))) {
      return complain(*obstacle);
    }
  } catch (const YAML::Exception& error) {
    return complain(error.msg);
  }
  overrides_[path] = text;
  return {};
}

std::optional<std::string> Document::Repeated(const YAML::Node& node, const std::string& key_path) const {
  if (node.IsMap()) {
    std::map<std::string, int> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        return Complaint(key_path, LineOf(entry.first), "a key must be plain text");
      }
      const std::string path = Join(key_path, entry.first.Scalar());
      const auto [first, fresh] = seen.emplace(entry.first.Scalar(), LineOf(entry.first));
      if (!fresh) {
        return Complaint(path, LineOf(entry.first), fmt::format("repeats the key of line {}", first->second));
      }
      if (auto complaint = Repeated(entry.second, path)) {
        return complaint;
      }
    }
  } else if (node.IsSequence()) {
    for (size_t i = 0; i < node.size(); ++i) {
      if (auto complaint = Repeated(node[i], Join(key_path, std::to_string(i)))) {
        return complaint;
      }
    }
  }
  return std::nullopt;
}

std::string Document::Complaint(std::string_view key_path, int line, std::string_view what) const {
  for (const auto& [path, text] : overrides_) {
    const bool within = key_path == path || key_path.starts_with(path + ".");
    const bool made_for = line == 0 && path.starts_with(std::string(key_path) + ".");  // a mapping on the way there
    if (within || made_for) {
      return fmt::format("override {}: {}{}{}", text, key_path == path ? "" : key_path, key_path == path ? "" : ": ",
                         what);
    }
  }
  return fmt::format("{}:{}: {}{}{}", path_, line, key_path, key_path.empty() ? "" : ": ", what);
}

}  // namespace quantum::config
