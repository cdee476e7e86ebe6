#pragma once

#include <string>
#include <vector>

#include "platform/bus/event.h"
#include "platform/redis/client.h"

namespace quantum::bus {

// What the broker's function appends beside producer, inc and seq to an entry of one event; the order is that of FIELDS
// in bus.lua.
void AppendStoredFields(const Event& event, std::vector<std::string>& words);

// All fields of an entry of this event alone, names and values in turn.
std::vector<std::string> EntryFields(const Event& event);

// An entry's fields as XREADGROUP answers them: its events, in their order, at least one (bundle.h). Unknown fields are
// ignored; a missing or unreadable one is kInvalidArgument and names it.
Result<std::vector<Event>> ParseEntry(const redis::Reply& fields);

// The same of what holds one event always: a dead letter.
Result<Event> ParseEvent(const redis::Reply& fields);

// The value after a name in a list of names and values (XINFO); null when it is not there.
const redis::Reply* FindField(const redis::Reply& pairs, std::string_view name);

}  // namespace quantum::bus
