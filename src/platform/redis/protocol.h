#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "platform/redis/client.h"

// RESP2 without I/O: bytes of commands out, bytes of answers in.
namespace quantum::redis {

// The bytes of the commands, one after the other.
std::string Encode(const Command& command);
std::string Encode(const std::vector<Command>& commands);

// Cuts a stream of bytes into replies, wherever the network split it.
class ReplyParser {
 public:
  ReplyParser();
  ~ReplyParser();
  ReplyParser(const ReplyParser&) = delete;
  ReplyParser& operator=(const ReplyParser&) = delete;

  void Feed(std::string_view bytes);

  // The next complete reply, or nothing yet. After a protocol error the connection is of no more use.
  Result<std::optional<Reply>> Next();

 private:
  struct Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace quantum::redis
