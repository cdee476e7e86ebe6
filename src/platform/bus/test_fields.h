#pragma once

#include <string>
#include <vector>

#include "platform/redis/client.h"

namespace quantum::bus::test {

// The fields of an entry, names and values in turn, as the broker lists them.
inline redis::Reply FieldsOf(const std::vector<std::string>& words) {
  redis::Reply reply{.type = redis::Reply::Type::kArray};
  for (const std::string& word : words) {
    reply.elements.push_back({.type = redis::Reply::Type::kString, .text = word});
  }
  return reply;
}

}  // namespace quantum::bus::test
