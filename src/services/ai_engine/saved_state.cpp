#include "services/ai_engine/saved_state.h"

#include "trading/event_codec.h"

namespace quantum::ai_engine {

namespace json = boost::json;

std::string SaveSymbols(const std::map<std::string, KeptSymbol>& symbols, const Clock& clock) {
  const SteadyTime now = clock.Steady();
  json::object object;
  for (const auto& [symbol, kept] : symbols) {
    const SymbolState& state = kept.state;
    json::object each{{"position", state.position.ToString()}, {"position_ms", state.position_ms}};
    if (state.held_since) {
      each["held_since"] = ToUnixMs(clock.Now() - (now - *state.held_since));
    }
    if (state.busy_until > now) {
      each["busy_until"] = ToUnixMs(clock.Now() + (state.busy_until - now));
      each["waiting"] = kept.waiting;
    }
    object[symbol] = std::move(each);
  }
  return json::serialize(object);
}

Result<std::map<std::string, KeptSymbol>> ReadSymbols(std::string_view text, const Clock& clock) {
  boost::system::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) {
    return Error{Errc::kInvalidArgument, "the saved state is no JSON object"};
  }
  const auto steady = [&](int64_t wall_ms) { return clock.Steady() + (FromUnixMs(wall_ms) - clock.Now()); };
  std::map<std::string, KeptSymbol> symbols;
  for (const auto& [symbol, each] : value.get_object()) {
    if (!each.is_object()) {
      return Error{Errc::kInvalidArgument, "the saved state of a symbol is no JSON object"};
    }
    KeptSymbol kept;
    std::optional<int64_t> held_since;
    std::optional<int64_t> busy_until;
    trading::event::Reader reader(each.get_object(), std::string(symbol) + ".");
    reader.Required("position", kept.state.position);
    reader.Required("position_ms", kept.state.position_ms);
    reader.Optional("held_since", held_since);
    reader.Optional("busy_until", busy_until);
    reader.Optional("waiting", kept.waiting);
    if (reader.error()) {
      return *reader.error();
    }
    if (held_since) {
      kept.state.held_since = steady(*held_since);
    }
    if (busy_until) {
      kept.state.busy_until = steady(*busy_until);
    }
    symbols.emplace(symbol, std::move(kept));
  }
  return symbols;
}

}  // namespace quantum::ai_engine
