#include "platform/redis/protocol.h"

#include <hiredis/hiredis.h>

#include "platform/base/assert.h"

namespace quantum::redis {

namespace {

Reply Convert(const redisReply& raw) {
  Reply reply;
  switch (raw.type) {
    case REDIS_REPLY_STRING:
      reply.type = Reply::Type::kString;
      reply.text.assign(raw.str, raw.len);
      break;
    case REDIS_REPLY_STATUS:
      reply.type = Reply::Type::kStatus;
      reply.text.assign(raw.str, raw.len);
      break;
    case REDIS_REPLY_ERROR:
      reply.type = Reply::Type::kError;
      reply.text.assign(raw.str, raw.len);
      break;
    case REDIS_REPLY_INTEGER:
      reply.type = Reply::Type::kInteger;
      reply.integer = raw.integer;
      break;
    case REDIS_REPLY_ARRAY:
      reply.type = Reply::Type::kArray;
      reply.elements.reserve(raw.elements);
      for (size_t i = 0; i < raw.elements; ++i) {
        reply.elements.push_back(Convert(*raw.element[i]));
      }
      break;
    default:
      reply.type = Reply::Type::kNil;
      break;
  }
  return reply;
}

void AppendEncoded(std::string& bytes, const Command& command) {
  QUANTUM_ASSERT(!command.empty());
  std::vector<const char*> words;
  std::vector<size_t> lengths;
  words.reserve(command.size());
  lengths.reserve(command.size());
  for (const std::string& word : command) {
    words.push_back(word.data());
    lengths.push_back(word.size());
  }
  char* text = nullptr;
  const int size = redisFormatCommandArgv(&text, static_cast<int>(words.size()), words.data(), lengths.data());
  QUANTUM_ASSERT(size > 0);
  bytes.append(text, static_cast<size_t>(size));
  redisFreeCommand(text);
}

}  // namespace

std::string Encode(const Command& command) {
  std::string bytes;
  AppendEncoded(bytes, command);
  return bytes;
}

std::string Encode(const std::vector<Command>& commands) {
  std::string bytes;
  for (const Command& command : commands) {
    AppendEncoded(bytes, command);
  }
  return bytes;
}

struct ReplyParser::Reader {
  redisReader* raw = redisReaderCreate();
  ~Reader() { redisReaderFree(raw); }
};

ReplyParser::ReplyParser() : reader_(std::make_unique<Reader>()) { QUANTUM_ASSERT(reader_->raw != nullptr); }
ReplyParser::~ReplyParser() = default;

void ReplyParser::Feed(std::string_view bytes) {
  // A reader that has failed refuses bytes; Next() reports why.
  static_cast<void>(redisReaderFeed(reader_->raw, bytes.data(), bytes.size()));
}

Result<std::optional<Reply>> ReplyParser::Next() {
  void* raw = nullptr;
  if (redisReaderGetReply(reader_->raw, &raw) != REDIS_OK) {
    return Error{Errc::kInternal, std::string("Redis protocol: ") + reader_->raw->errstr};
  }
  if (raw == nullptr) {
    return std::optional<Reply>();
  }
  Reply reply = Convert(*static_cast<redisReply*>(raw));
  freeReplyObject(raw);
  return std::optional<Reply>(std::move(reply));
}

}  // namespace quantum::redis
