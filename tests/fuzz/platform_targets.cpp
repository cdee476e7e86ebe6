#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "operator/chaos/record.h"
#include "platform/base/assert.h"
#include "platform/base/clock.h"
#include "platform/bus/bundle.h"
#include "platform/bus/codec.h"
#include "platform/bus/compression.h"
#include "platform/bus/journal/faulty_storage.h"
#include "platform/bus/journal/journal.h"
#include "platform/bus/trimming.h"
#include "platform/config/manifest.h"
#include "platform/http/request_parser.h"
#include "platform/http/text.h"
#include "platform/http/url.h"
#include "platform/log/masking.h"
#include "platform/redis/discovery.h"
#include "platform/redis/protocol.h"
#include "tests/fuzz/target.h"

namespace quantum::fuzz {

namespace {

using redis::Reply;

// hiredis takes a list's announced length at its word, up to 2^31 pointers; Redis itself is trusted that far.
bool AnnouncesAHugeList(std::string_view bytes) {
  for (size_t at = bytes.find('*'); at != std::string_view::npos; at = bytes.find('*', at + 1)) {
    const std::string_view digits = bytes.substr(at + 1, 7);
    if (digits.size() == 7 && digits.find_first_not_of("0123456789") == std::string_view::npos) {
      return true;
    }
  }
  return false;
}

// All replies up to the first fault, fed in pieces of this size.
std::vector<Reply> ReadReplies(std::string_view bytes, size_t piece, bool& faulty) {
  redis::ReplyParser parser;
  std::vector<Reply> replies;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    parser.Feed(bytes.substr(at, piece));
    while (true) {
      auto next = parser.Next();
      if (!next) {
        faulty = true;
        return replies;
      }
      if (!next.value()) {
        break;
      }
      replies.push_back(std::move(*next.value()));
    }
  }
  return replies;
}

bool Same(const Reply& a, const Reply& b) {
  return a.type == b.type && a.text == b.text && a.integer == b.integer && a.elements.size() == b.elements.size() &&
         std::equal(a.elements.begin(), a.elements.end(), b.elements.begin(), Same);
}

void Resp(std::string_view bytes) {
  if (AnnouncesAHugeList(bytes)) {
    return;
  }
  bool faulty = false;
  const auto whole = ReadReplies(bytes, bytes.size() + 1, faulty);
  bool faulty_in_pieces = false;
  const auto pieces = ReadReplies(bytes, 3, faulty_in_pieces);
  QUANTUM_ASSERT(faulty == faulty_in_pieces && whole.size() == pieces.size());
  QUANTUM_ASSERT(std::equal(whole.begin(), whole.end(), pieces.begin(), Same));
  for (const Reply& reply : whole) {
    redis::Discovery discovery(3);
    for (size_t sentinel = 0; sentinel < 3; ++sentinel) {
      discovery.OnAnswer(sentinel, reply);
    }
    const auto verdict = discovery.Decide(std::nullopt);
    QUANTUM_ASSERT(verdict.kind != redis::Discovery::Verdict::Kind::kMaster || verdict.master.port > 0);
    static_cast<void>(redis::ParseRole(reply));
    static_cast<void>(redis::SwitchedMaster(reply));
    const auto election = redis::ElectionOf(reply);
    QUANTUM_ASSERT(!election || (election->chosen.port > 0 && election->deposed.port > 0));
    const auto events = bus::ParseEntry(reply);
    for (size_t i = 0; events && i < events->size(); ++i) {
      const bus::Event& event = (*events)[i];
      Reply again{.type = Reply::Type::kArray};
      for (std::string& word : bus::EntryFields(event)) {
        again.elements.push_back({.type = Reply::Type::kString, .text = std::move(word)});
      }
      const auto twice = bus::ParseEvent(again);
      QUANTUM_ASSERT(twice.ok() && bus::EntryFields(*twice) == bus::EntryFields(event));
    }
  }
}

std::string RespList(const std::vector<std::string>& words) { return redis::Encode(words); }

bus::Event SampleEvent(uint64_t sequence) {
  return {.id = "0190-1",
          .type = "order.filled",
          .version = 2,
          .producer = "p",
          .incarnation = "ab12",
          .sequence = sequence,
          .source = "execution-service",
          .key = "BTCUSDT",
          .correlation_id = "correlation-1",
          .cause = "0190-0",
          .timestamp_ns = 1'700'000'000'123'456'789,
          .payload = R"({"price":"1.10"})"};
}

std::string SampleBundle() {
  const std::vector<bus::EventPtr> events{std::make_shared<const bus::Event>(SampleEvent(7)),
                                          std::make_shared<const bus::Event>(SampleEvent(8))};
  return bus::EncodeBundle(events, 0, 2);
}

std::string SampleEntryOfSeveral() {
  return RespList({"producer", "p", "inc", "ab12", "seq", "7", "n", "2", std::string(bus::kBundleField),
                   bus::Compress(SampleBundle())});
}

void Bundle(std::string_view bytes) {
  for (const size_t count : {1u, 2u, 3u}) {
    const auto events = bus::DecodeBundle(bytes, "p", "i", 7, count);
    QUANTUM_ASSERT(!events.ok() || events->size() == count);
  }
}

void Compressed(std::string_view bytes) {
  const auto text = bus::Decompress(bytes, bus::kBundleTextMax);
  QUANTUM_ASSERT(!text.ok() || text->size() <= bus::kBundleTextMax);
}

bus::journal::Header SampleHeader() { return {"p", "ab12", 1}; }

std::string SampleSegment() {
  std::string bytes = bus::journal::EncodeSegmentStart(SampleHeader());
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
    bus::journal::AppendSealed(SampleHeader(), bus::journal::EncodeEvent(SampleEvent(sequence)), bytes);
  }
  bus::journal::AppendSealed(SampleHeader(), bus::journal::EncodeConfirmed({"ab12", "order", 2, FromUnixNs(17)}),
                             bytes);
  return bytes;
}

void JournalSegment(std::string_view bytes) {
  const auto segment = bus::journal::ReadSegment(bytes);
  QUANTUM_ASSERT(segment.valid_bytes <= bytes.size());
  const auto prefix = bus::journal::ReadSegment(bytes.substr(0, segment.valid_bytes));
  QUANTUM_ASSERT(!prefix.damaged && prefix.records.size() == segment.records.size());
}

// What stands in a record whose checksum is right, whatever wrote it; a life of the process that finds such a journal.
void JournalRecords(std::string_view bytes) {
  std::string file = bus::journal::EncodeSegmentStart(SampleHeader());
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('|'), bytes.size());
    if (end > 0) {
      bus::journal::AppendSealed(SampleHeader(), bytes.substr(0, end), file);
    }
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  bus::journal::FaultyStorage storage;
  storage.Put("segment-00000000000000000001.journal", file);
  ManualClock clock;
  auto journal = bus::journal::Journal::Open(storage, {.producer = "p"}, "next", clock.Steady(), clock.Now());
  QUANTUM_ASSERT(journal.ok());
  bus::Event event = SampleEvent(0);
  const auto ticket = (*journal)->Append(std::move(event));
  QUANTUM_ASSERT(ticket.ok() && ticket->sequence == 1);
  for (size_t lane = 0; lane < (*journal)->lanes(); ++lane) {
    static_cast<void>((*journal)->Read(lane, 0, 10));
  }
}

void Names(std::string_view bytes) {
  const std::string text(bytes);
  if (const auto id = bus::EntryId::Parse(text)) {
    QUANTUM_ASSERT(bus::EntryId::Parse(id->ToString()) == id);
  }
  static_cast<void>(redis::ParseEndpoints(text));
  if (const auto time = ParseIso8601(text)) {
    static_cast<void>(FormatIso8601(*time));
  }
  static_cast<void>(operate::chaos::ParseLine(text));
}

void HttpRequest(std::string_view bytes) {
  http::Request request;
  http::RequestParser parser(request, 8 * 1024, 4 * 1024);
  boost::beast::error_code error;
  bool judged = false;
  while (!bytes.empty() && !error && !parser.is_done()) {
    const size_t took = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    bytes.remove_prefix(took);
    if (parser.is_header_done() && !std::exchange(judged, true)) {
      parser.CheckHeader();
      parser.eager(true);
    } else if (took == 0) {
      break;
    }
  }
  QUANTUM_ASSERT(request.body.size() <= 4 * 1024 && request.target.size() <= 8 * 1024);
}

void HttpText(std::string_view bytes) {
  static_cast<void>(http::HasToken(bytes, "keep-alive"));
  static_cast<void>(http::PercentDecode(bytes, true));
  static_cast<void>(http::ParseQuery(bytes));
  if (const auto url = http::ParseUrl(std::string(bytes))) {
    QUANTUM_ASSERT(!url->host.empty() && url->target.starts_with('/'));
    static_cast<void>(url->Shown());
  }
}

// Masked JSON is JSON still, and nothing is left to mask.
void Masking(std::string_view bytes) {
  static const log::Masker masker;
  static_cast<void>(masker.MaskText(bytes));
  boost::system::error_code error;
  boost::json::parse(bytes, error);
  const std::string masked = masker.MaskJson(bytes);
  if (!error && masked != masker.MaskText(bytes)) {
    boost::json::parse(masked, error);
    QUANTUM_ASSERT(!error);
    QUANTUM_ASSERT(masker.MaskJson(masked) == masked);
  }
}

void ManifestFile(std::string_view bytes) {
  static const std::string path =
      (std::filesystem::temp_directory_path() / ("quantum-fuzz-" + std::to_string(::getpid()) + ".yml")).string();
  std::ofstream(path, std::ios::binary) << bytes;
  auto manifest = config::Manifest::Load(path);
  if (manifest) {
    for (const config::Unit& unit : manifest->units()) {
      QUANTUM_ASSERT(manifest->FindUnit(unit.name) != nullptr);
    }
    static_cast<void>(manifest->Top("limits").Finish());
  }
  std::filesystem::remove(path);
}

const char* const kManifest = R"(version: 1
mode: PAPER
symbols: [BTCUSDT, ETHUSDT]
units:
  redis-1:
    kind: server
    command: [redis-server, "${ETC}/redis/redis-1.conf"]
    environment: {KEY: value}
    port: 6379
    depends: [prepare]
    ready: {redis: ping, user: service, secret: redis, interval: 200ms, timeout: 2s}
    live: {tcp: true, interval: 30s, timeout: 2s, failures_max: 3}
    stop_signal: INT
    limits: {memory: 2GiB, open_files: 4096}
  prepare: {kind: task, command: [sh, -c, "true"], schedule: daily 02:30 UTC}
services:
  ai-engine: {horizon: 15min}
market: {source: synthetic}
limits: {orders: 5}
)";

}  // namespace

std::vector<Target> PlatformTargets() {
  const std::string body = bus::journal::EncodeEvent(SampleEvent(1));
  const std::string note = bus::journal::EncodeConfirmed({"ab12", "order", 2, FromUnixNs(17)});
  return {
      {.name = "resp",
       .run = Resp,
       .corpus = {"+OK\r\n:42\r\n$5\r\nhello\r\n*2\r\n$1\r\na\r\n*1\r\n$-1\r\n-READONLY no\r\n",
                  RespList(bus::EntryFields(SampleEvent(7))), SampleEntryOfSeveral(), RespList({"127.0.0.1", "6379"}),
                  RespList({"message", "+switch-master", "mymaster 127.0.0.1 1 127.0.0.1 2"}),
                  "*3\r\n$6\r\nmaster\r\n:7\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$4\r\n6380\r\n$1\r\n7\r\n"},
       .words = {"*", "$", ":", "\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "+", "-ERR\r\n"}},
      {.name = "bundle", .run = Bundle, .corpus = {SampleBundle()}, .words = {":", ",", "0:,", "1:"}},
      {.name = "compressed",
       .run = Compressed,
       .corpus = {bus::Compress(SampleBundle()), bus::Compress("")},
       .words = {}},
      {.name = "journal-segment", .run = JournalSegment, .corpus = {SampleSegment()}, .words = {"QTJOURN1"}},
      {.name = "journal-records",
       .run = JournalRecords,
       .corpus = {body, note, body + "|" + bus::journal::EncodeEvent(SampleEvent(2)) + "|" + note},
       .words = {std::string(8, '\0'), std::string(8, '\xff'), "|"}},
      {.name = "names",
       .run = Names,
       .corpus = {"1700000000123-7", "127.0.0.1:26379, [::1]:26380", "2026-11-23T14:53:20.123Z",
                  operate::chaos::ToLine({.kind = operate::chaos::Record::Kind::kApplied,
                                          .at_ns = 17,
                                          .producer = "p",
                                          .operation = 3,
                                          .group = "g",
                                          .stream = "order",
                                          .key = "K"})},
       .words = {"-", ":", ",", "T", "Z", "\""}},
      {.name = "http-request",
       .run = HttpRequest,
       .corpus = {"GET /api/risk/limits/BTCUSDT?x=1 HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n",
                  "POST /api/execution/order HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  "Content-Length: 12\r\n\r\n{\"a\":\"1234\"}",
                  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
                  "4\r\nabcd\r\n0\r\nTrailer: x\r\n\r\n",
                  "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"},
       .words = {"\r\n", ": ", "chunked", "Content-Length: ", "Transfer-Encoding: ", "HTTP/1.0", "Host: b\r\n"}},
      {.name = "http-text",
       .run = HttpText,
       .corpus = {"https://user:pass%40@host.example:8443/path?a=1&b=%20#f", "ws://[::1]/ws",
                  "a=1&b=%2F+c&&=", "close, Keep-Alive , upgrade"},
       .words = {"%", "%00", "%zz", "+", "&", "=", "[", "]", "@", ":", "//"}},
      {.name = "masking",
       .run = Masking,
       .corpus =
           {R"({"symbol":"BTC","api_key":"k","nested":{"password":["a",{"token":1}]},"url":"http://u:p@h/?signature=s"})",
            "Authorization: Bearer abc.def", "https://host/path?symbol=X&signature=abcdef&listenKey=1",
            "token=abc, password: \"def\" secret='x y'"},
       .words = {"password", "token", "\"", "=", ": ", "Bearer ", "\\", "\\u0000", "{", "}", "[", "]"}},
      {.name = "manifest",
       .run = ManifestFile,
       .corpus = {kManifest},
       .words = {": ", "- ", "\n  ", "[", "]", "{", "}", "&a ", "*a", "<<: ", "!!", "|", "~", "mode: "},
       .cost = 20},
  };
}

}  // namespace quantum::fuzz
