#include "operator/commands/refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace quantum::operate {
namespace {

namespace json = boost::json;

const json::array& ItemsOf(const json::value& value, std::string_view member) {
  static const json::array none;
  const json::value* items = value.is_object() ? value.get_object().if_contains(member) : nullptr;
  return items != nullptr && items->is_array() ? items->get_array() : none;
}

std::string Text(const json::value& refusal, std::string_view member) {
  const json::value* text = refusal.is_object() ? refusal.get_object().if_contains(member) : nullptr;
  return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
}

int64_t TimeOf(const json::value& refusal) {
  const json::value* time = refusal.is_object() ? refusal.get_object().if_contains("time") : nullptr;
  return time != nullptr && time->is_int64() ? time->get_int64() : 0;
}

}  // namespace

json::array CollectRefusals(const json::value& trace, const std::vector<json::value>& recorded) {
  json::array all;
  std::set<std::vector<std::string>> known;
  const auto add = [&](const json::array& refusals) {
    for (const json::value& one : refusals) {
      if (known.insert({Text(one, "service"), Text(one, "decision_id"), Text(one, "code"), Text(one, "detail")})
              .second) {
        all.push_back(one);
      }
    }
  };
  for (const json::value& answer : recorded) {
    add(ItemsOf(answer, "items"));
  }
  for (const json::value& event : ItemsOf(trace, "items")) {
    add(ItemsOf(event, "refusals"));
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const json::value& a, const json::value& b) { return TimeOf(a) < TimeOf(b); });
  return all;
}

std::string Explain(const json::value& refusal) {
  const std::string detail = Text(refusal, "detail");
  const std::string meaning = Text(refusal, "meaning");
  return fmt::format("{}: {} {}: {}{}{}", Text(refusal, "service"), Text(refusal, "symbol"),
                     Text(refusal, "decision_id"), Text(refusal, "code"),
                     detail.empty() ? "" : fmt::format(" ({})", detail), meaning.empty() ? "." : ": " + meaning + ".");
}

}  // namespace quantum::operate
