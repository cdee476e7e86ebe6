#pragma once

#include <yaml-cpp/yaml.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "platform/config/manifest.h"

namespace quantum::config {

// A YAML file with its overrides applied; knows where each key comes from.
class Document {
 public:
  static Result<std::shared_ptr<const Document>> Load(const std::string& path,
                                                      const std::vector<std::string>& overrides);

  const YAML::Node& root() const { return root_; }
  const std::string& path() const { return path_; }

  // "quantum.yml:12: limits.rate: what", or "override limits.rate=x: what" when the key comes from there.
  std::string Complaint(std::string_view key_path, int line, std::string_view what) const;

 private:
  Status Override(const std::string& text);
  std::optional<std::string> Repeated(const YAML::Node& node, const std::string& key_path) const;

  std::string path_;
  YAML::Node root_;
  std::map<std::string, std::string> overrides_;  // key path -> the override's text
};

// The line on which a node begins, from 1; 0 when it is not from the file.
int LineOf(const YAML::Node& node);

std::string Join(const std::string& path, std::string_view key);

// What a Section shares with its copies.
class Section::Impl {
 public:
  struct Entry {
    YAML::Node value;
    int line = 0;  // of the key; 0 when an override made it
  };

  // `node` is a mapping, or null for an empty one.
  Impl(std::shared_ptr<const Document> document, std::string path, YAML::Node node, int line)
      : document_(std::move(document)), path_(std::move(path)), node_(std::move(node)), line_(line) {}

  std::optional<Entry> Find(std::string_view key) const;
  // As Find, and the key counts as known from now on.
  std::optional<Entry> Take(std::string_view key);
  // A taken scalar's text; complains when the value is no scalar.
  std::optional<std::string> TakeScalar(std::string_view key);
  std::shared_ptr<Impl> Child(std::string key_path, const Entry& entry);
  void Complain(std::string_view key, int line, std::string_view what);
  void ComplainOf(std::string_view key, std::string_view what);
  std::vector<std::string> Keys() const;
  Status Finish() const;

  const std::string& path() const { return path_; }
  int line() const { return line_; }

 private:
  std::shared_ptr<const Document> document_;
  std::string path_;
  YAML::Node node_;
  int line_;
  std::set<std::string, std::less<>> taken_;
  std::vector<std::shared_ptr<Impl>> children_;
  std::optional<std::string> complaint_;
};

}  // namespace quantum::config
