#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

// Finds the route of a request: patterns without parameters by one hash look-up, the others in a tree of segments.
// Pure.
namespace quantum::http {

class Router {
 public:
  // "/a/{id}/b", or "*" for what nothing else matches. `route` is the caller's own number for it. A literal segment
  // wins over a parameter. Two routes with the same method and pattern are an assertion.
  void Add(std::string_view method, std::string_view pattern, size_t route);

  struct Match {
    std::optional<size_t> route;
    std::vector<std::pair<std::string, std::string>> parameters;  // decoded
    // When the path is known but not the method: "GET, HEAD, POST".
    std::string allowed;
  };
  // `path` as it was sent, without the query; percent escapes are decoded segment by segment, so that an escaped slash
  // stays inside its segment. HEAD finds the route of GET.
  Match Find(std::string_view method, std::string_view path) const;

 private:
  struct ByMethod {
    std::vector<std::pair<std::string, size_t>> routes;
    std::optional<size_t> Find(std::string_view method) const;
  };
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    std::vector<std::string> parameter_names;  // of the pattern that ends here
    ByMethod end;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  static const Node* Descend(const Node& node, const std::vector<std::string>& segments, size_t depth,
                             std::vector<std::string>& captured);
  Match Choose(const ByMethod& end, std::string_view method) const;

  std::unordered_map<std::string, ByMethod, Hash, std::equal_to<>> literal_paths_;
  Node root_;
  ByMethod fallback_;
};

}  // namespace quantum::http
