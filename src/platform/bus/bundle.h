#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/bus/event.h"
#include "platform/bus/outbox.h"

// Several consecutive events of one lane in one entry of a stream: each entry costs every node the same work, however
// much stands in it (docs/decisions/0012-several-events-in-one-entry.md). No I/O.
namespace quantum::bus {

struct BundleLimits {
  size_t from = 8;           // fewer events that go at once have an entry each, as the contract's fields say
  size_t events = 32;        // of one entry
  size_t bytes = 32 * 1024;  // of their fields, unless the first alone has more
};

// An entry of several events holds the text of EncodeBundle in this field, compressed.
inline constexpr std::string_view kBundleField = "events_zstd";
inline constexpr size_t kBundleTextMax = 64 * 1024;  // with all lengths and separators, at the limits above

// How many of the events from `begin` on share the next entry: at least one. What could not be read again from a bundle
// (a required field is empty) has an entry of its own, so that it goes to the dead letters alone.
size_t BundleSize(const std::vector<EventPtr>& events, size_t begin, const BundleLimits& limits);

// Of each event the fields that FIELDS in bus.lua names, in that order, as netstrings.
std::string EncodeBundle(const std::vector<EventPtr>& events, size_t begin, size_t count);

// kInvalidArgument: it is not what EncodeBundle makes of `count` events.
Result<std::vector<Event>> DecodeBundle(std::string_view text, std::string_view producer, std::string_view incarnation,
                                        uint64_t first_sequence, size_t count);

}  // namespace quantum::bus
