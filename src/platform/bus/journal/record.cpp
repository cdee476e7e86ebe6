#include "platform/bus/journal/record.h"

#include <xxhash.h>

#include <bit>
#include <cstring>
#include <optional>

namespace quantum::bus::journal {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "QTJOURN1";
constexpr size_t kFirstWriteMax = 4096;
constexpr uint64_t kSequenceMax = uint64_t{1} << 53;  // the broker counts in doubles

enum class Kind : uint8_t { kHeader = 0, kEvent = 1, kConfirmed = 2 };

template <class Number>
void PutNumber(std::string& bytes, Number number) {
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof number);
  bytes.append(raw, sizeof number);
}

void PutText(std::string& bytes, std::string_view text) {
  PutNumber(bytes, static_cast<uint32_t>(text.size()));
  bytes.append(text);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class Number>
  Number Take() {
    Number number{};
    if (const auto raw = TakeBytes(sizeof number); raw) {
      std::memcpy(&number, raw->data(), sizeof number);
    }
    return number;
  }

  std::string TakeText() {
    const auto size = Take<uint32_t>();
    return std::string(TakeBytes(size).value_or(std::string_view()));
  }

  bool at_end() const { return !failed_ && bytes_.empty(); }

 private:
  std::optional<std::string_view> TakeBytes(size_t size) {
    if (failed_ || bytes_.size() < size) {
      failed_ = true;
      return std::nullopt;
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  std::string_view bytes_;
  bool failed_ = false;
};

uint64_t SeedOf(const Header& header) {
  return XXH64(header.incarnation.data(), header.incarnation.size(), header.number);
}

uint64_t ChecksumOf(std::string_view body, uint64_t seed) { return XXH64(body.data(), body.size(), seed); }

void Seal(uint64_t seed, std::string_view body, std::string& bytes) {
  PutNumber(bytes, static_cast<uint32_t>(body.size()));
  PutNumber(bytes, ChecksumOf(body, seed));
  bytes.append(body);
}

// The body of the sound record that begins here.
std::optional<std::string_view> Unseal(std::string_view bytes, uint64_t seed) {
  if (bytes.size() < kSealBytes) {
    return std::nullopt;
  }
  Reader frame(bytes.substr(0, kSealBytes));
  const auto size = frame.Take<uint32_t>();
  const auto checksum = frame.Take<uint64_t>();
  if (size == 0 || size > kBodyMax || bytes.size() - kSealBytes < size) {
    return std::nullopt;
  }
  const std::string_view body = bytes.substr(kSealBytes, size);
  if (ChecksumOf(body, seed) != checksum) {
    return std::nullopt;
  }
  return body;
}

std::optional<Header> DecodeHeader(std::string_view body) {
  Reader reader(body);
  const auto kind = reader.Take<Kind>();
  Header header;
  header.producer = reader.TakeText();
  header.incarnation = reader.TakeText();
  header.number = reader.Take<uint64_t>();
  if (kind != Kind::kHeader || !reader.at_end()) {
    return std::nullopt;
  }
  return header;
}

std::optional<Segment::Record> Decode(std::string_view body, const Header& header) {
  Reader reader(body);
  const auto kind = reader.Take<Kind>();
  const std::string family = reader.TakeText();
  const auto sequence = reader.Take<uint64_t>();
  if (kind == Kind::kConfirmed) {
    std::string incarnation = reader.TakeText();
    const auto at = reader.Take<int64_t>();
    if (!reader.at_end()) {
      return std::nullopt;
    }
    return Confirmed{std::move(incarnation), family, sequence, FromUnixNs(at)};
  }
  Event event;
  event.producer = header.producer;
  event.incarnation = header.incarnation;
  event.sequence = sequence;
  event.id = reader.TakeText();
  event.type = reader.TakeText();
  event.version = reader.Take<int32_t>();
  event.source = reader.TakeText();
  event.key = reader.TakeText();
  event.correlation_id = reader.TakeText();
  event.cause = reader.TakeText();
  event.timestamp_ns = reader.Take<int64_t>();
  event.payload = reader.TakeText();
  if (kind != Kind::kEvent || !reader.at_end() || sequence == 0 || sequence > kSequenceMax) {
    return std::nullopt;
  }
  return event;
}

bool AnySoundRecordIn(std::string_view bytes, const Header& header) {
  const uint64_t seed = SeedOf(header);
  for (; bytes.size() > kSealBytes; bytes.remove_prefix(1)) {
    if (Unseal(bytes, seed)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string EncodeEvent(const Event& event) {
  std::string body;
  body.reserve(event.payload.size() + 256);
  PutNumber(body, Kind::kEvent);
  PutText(body, FamilyOf(event.type));
  PutNumber(body, event.sequence);
  PutText(body, event.id);
  PutText(body, event.type);
  PutNumber(body, static_cast<int32_t>(event.version));
  PutText(body, event.source);
  PutText(body, event.key);
  PutText(body, event.correlation_id);
  PutText(body, event.cause);
  PutNumber(body, event.timestamp_ns);
  PutText(body, event.payload);
  return body;
}

std::string EncodeConfirmed(const Confirmed& confirmed) {
  std::string body;
  PutNumber(body, Kind::kConfirmed);
  PutText(body, confirmed.family);
  PutNumber(body, confirmed.sequence);
  PutText(body, confirmed.incarnation);
  PutNumber(body, ToUnixNs(confirmed.at));
  return body;
}

std::string EncodeSegmentStart(const Header& header) {
  std::string body;
  PutNumber(body, Kind::kHeader);
  PutText(body, header.producer);
  PutText(body, header.incarnation);
  PutNumber(body, header.number);
  std::string bytes(kMagic);
  Seal(0, body, bytes);
  return bytes;
}

void AppendSealed(const Header& header, std::string_view body, std::string& bytes) {
  Seal(SeedOf(header), body, bytes);
}

Segment ReadSegment(std::string_view bytes) {
  Segment segment;
  const auto start = bytes.starts_with(kMagic) ? Unseal(bytes.substr(kMagic.size()), 0) : std::nullopt;
  const auto header = start ? DecodeHeader(*start) : std::nullopt;
  if (!header) {
    // Without the header nothing tells what follows. A crash cuts the first write short, and there was little in it.
    segment.damaged = bytes.size() > kFirstWriteMax;
    return segment;
  }
  segment.header = *header;
  segment.valid_bytes = kMagic.size() + kSealBytes + start->size();
  const uint64_t seed = SeedOf(segment.header);
  while (const auto body = Unseal(bytes.substr(segment.valid_bytes), seed)) {
    auto record = Decode(*body, segment.header);
    if (!record) {
      break;
    }
    segment.records.push_back(std::move(*record));
    segment.valid_bytes += kSealBytes + body->size();
  }
  if (segment.valid_bytes < bytes.size()) {
    segment.damaged = AnySoundRecordIn(bytes.substr(segment.valid_bytes + 1), segment.header);
  }
  return segment;
}

}  // namespace quantum::bus::journal
