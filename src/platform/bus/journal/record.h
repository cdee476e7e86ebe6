#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "platform/base/clock.h"
#include "platform/bus/event.h"

// How a segment of the journal stands on disk. All numbers are little-endian.
//
//   segment  "QTJOURN1" header-record record…
//   record   u32 bytes of the body, u64 checksum, body
//   body     u8 kind, then by kind (a text is a u32 length and its bytes):
//            0 header     producer, incarnation, u64 number of the segment
//            1 event      family, u64 sequence, and the event's nine fields
//            2 confirmed  family, u64 sequence, incarnation, i64 wall clock in ns: the broker and its replicas hold all
//            of
//                         that lane up to here
//
// The checksum is XXH64 of the body, seeded by incarnation and number of the segment: blocks of a deleted segment that
// the file system shows again after a crash do not pass for records of this one.
namespace quantum::bus::journal {

struct Header {
  std::string producer;
  std::string incarnation;
  uint64_t number = 0;
};

struct Confirmed {
  std::string incarnation;
  std::string family;
  uint64_t sequence = 0;
  WallTime at;
};

// Bodies of records, not sealed yet.
std::string EncodeEvent(const Event& event);
std::string EncodeConfirmed(const Confirmed& confirmed);

// The segment's first bytes.
std::string EncodeSegmentStart(const Header& header);
constexpr size_t kBodyMax = 16u << 20;                                     // bytes; longer ones are not read back
inline constexpr size_t kSealBytes = sizeof(uint32_t) + sizeof(uint64_t);  // of a record, before its body
// A body as it stands in the segment of this header.
void AppendSealed(const Header& header, std::string_view body, std::string& bytes);

struct Segment {
  Header header;
  using Record = std::variant<Event, Confirmed>;
  std::vector<Record> records;  // producer and incarnation of the events are filled in
  uint64_t valid_bytes = 0;     // up to here it reads without fault
  // Sound records stand behind a broken one: not a write that a crash cut short, but damage to what was safe once.
  bool damaged = false;
};

// Reads as far as the bytes make sense and never fails: a segment without a sound header has no records.
Segment ReadSegment(std::string_view bytes);

}  // namespace quantum::bus::journal
