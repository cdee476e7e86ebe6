#include "platform/http/router.h"

#include <algorithm>

#include "platform/base/assert.h"
#include "platform/http/text.h"

namespace quantum::http {
namespace {

constexpr size_t kSegmentsMax = 64;

// The segments after the leading slash.
std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos || segments.size() > kSegmentsMax) {
      return segments;
    }
    path.remove_prefix(slash + 1);
  }
}

bool IsParameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

}  // namespace

std::optional<size_t> Router::ByMethod::Find(std::string_view method) const {
  for (const auto& [name, route] : routes) {
    if (name == method) {
      return route;
    }
  }
  if (method == "HEAD") {
    return Find("GET");
  }
  return std::nullopt;
}

void Router::Add(std::string_view method, std::string_view pattern, size_t route) {
  const auto add = [&](ByMethod& end) {
    for (const auto& [name, existing] : end.routes) {
      QUANTUM_ASSERT(name != method);
    }
    end.routes.emplace_back(method, route);
  };
  if (pattern == "*") {
    add(fallback_);
    return;
  }
  QUANTUM_ASSERT(pattern.starts_with('/'));
  Node* node = &root_;
  std::vector<std::string> names;
  for (const std::string_view segment : Split(pattern)) {
    std::unique_ptr<Node>* next = &node->parameter;
    if (IsParameter(segment)) {
      names.emplace_back(segment.substr(1, segment.size() - 2));
    } else {
      next = &node->literals[std::string(segment)];
    }
    if (*next == nullptr) {
      *next = std::make_unique<Node>();
    }
    node = next->get();
  }
  // The methods of one path share its tree node, so they must agree on what its parameters are called.
  QUANTUM_ASSERT(node->end.routes.empty() || node->parameter_names == names);
  node->parameter_names = names;
  add(node->end);
  if (names.empty()) {
    add(literal_paths_[std::string(pattern)]);
  }
}

const Router::Node* Router::Descend(const Node& node, const std::vector<std::string>& segments, size_t depth,
                                    std::vector<std::string>& captured) {
  if (depth == segments.size()) {
    return node.end.routes.empty() ? nullptr : &node;
  }
  if (const auto literal = node.literals.find(segments[depth]); literal != node.literals.end()) {
    if (const Node* found = Descend(*literal->second, segments, depth + 1, captured)) {
      return found;
    }
  }
  if (node.parameter == nullptr || segments[depth].empty()) {
    return nullptr;
  }
  captured.push_back(segments[depth]);
  const Node* found = Descend(*node.parameter, segments, depth + 1, captured);
  if (found == nullptr) {
    captured.pop_back();
  }
  return found;
}

Router::Match Router::Choose(const ByMethod& end, std::string_view method) const {
  Match match{.route = end.Find(method), .parameters = {}, .allowed = {}};
  if (!match.route) {
    match.route = fallback_.Find(method);
  }
  if (!match.route) {
    for (const auto& [name, route] : end.routes) {
      match.allowed += (match.allowed.empty() ? "" : ", ") + name + (name == "GET" ? ", HEAD" : "");
    }
  }
  return match;
}

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  if (const auto literal = literal_paths_.find(path); literal != literal_paths_.end()) {
    return Choose(literal->second, method);
  }
  if (!path.starts_with('/')) {
    return Choose({}, method);
  }
  std::vector<std::string> segments;
  for (const std::string_view raw : Split(path)) {
    auto decoded = PercentDecode(raw);
    if (!decoded) {
      return Choose({}, method);
    }
    segments.push_back(std::move(*decoded));
  }
  std::vector<std::string> captured;
  const Node* node = segments.size() > kSegmentsMax ? nullptr : Descend(root_, segments, 0, captured);
  if (node == nullptr) {
    return Choose({}, method);
  }
  Match match = Choose(node->end, method);
  QUANTUM_ASSERT(captured.size() == node->parameter_names.size());
  for (size_t i = 0; i < captured.size(); ++i) {
    match.parameters.emplace_back(node->parameter_names[i], std::move(captured[i]));
  }
  return match;
}

}  // namespace quantum::http
