#include "platform/bus/append.h"

#include <fmt/format.h>

#include "platform/bus/codec.h"
#include "platform/bus/compression.h"
#include "platform/redis/discovery.h"

namespace quantum::bus {

redis::Command AppendCommand(const Batch& batch, const std::string& session, const BundleLimits& limits) {
  redis::Command words{"FCALL",
                       "quantum_bus_4_append",
                       "2",
                       StreamKey(batch.lane.family),
                       ProducersKey(batch.lane.family),
                       batch.lane.producer,
                       batch.lane.incarnation,
                       session,
                       std::to_string(batch.events.front()->sequence),
                       std::to_string(batch.events.back()->sequence),
                       batch.gap ? "gap" : ""};
  for (size_t begin = 0; begin < batch.events.size();) {
    const size_t count = BundleSize(batch.events, begin, limits);
    words.push_back(std::to_string(count));
    if (count == 1) {
      AppendStoredFields(*batch.events[begin], words);
    } else {
      words.push_back(Compress(EncodeBundle(batch.events, begin, count)));
    }
    begin += count;
  }
  return words;
}

redis::Command LastCommand(const Lane& lane) {
  return {"FCALL", "quantum_bus_4_last", "1", ProducersKey(lane.family), lane.producer, lane.incarnation};
}

Status Judge(const redis::Command& command, const redis::Reply& reply) {
  if (!reply.is_error()) {
    return {};
  }
  if (reply.text.starts_with("FENCED")) {
    return Error{Errc::kConflict, reply.text};
  }
  if (reply.text.starts_with("QUOTA")) {
    return Error{Errc::kExhausted, reply.text};
  }
  return redis::ToError(command.front(), reply.text);
}

Result<std::vector<Answer>> ReadAnswers(const std::vector<redis::Command>& commands,
                                        const std::vector<redis::Reply>& replies, int replicas_required) {
  QUANTUM_ASSERT(commands.size() == replies.size());
  size_t batches = commands.size();
  if (replicas_required > 0) {
    --batches;
    if (replies.back().is_error() || replies.back().integer < replicas_required) {
      // The master may be cut off and about to be deposed: what only it has does not count.
      return Error{Errc::kUnavailable, fmt::format("{} of {} replicas required have the events", replies.back().integer,
                                                   replicas_required)};
    }
  }
  std::vector<Answer> answers;
  for (size_t i = 0; i < batches; ++i) {
    Answer answer{.last = 0, .taken = Judge(commands[i], replies[i])};
    if (answer.taken) {
      if (replies[i].elements.size() != 2) {
        return Error{Errc::kInternal, "the broker's append function answers in an unknown form"};
      }
      answer.last = static_cast<uint64_t>(replies[i].elements[0].integer);
    } else if (answer.taken.error().code != Errc::kConflict && answer.taken.error().code != Errc::kExhausted) {
      return answer.taken.error();
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

Result<std::vector<uint64_t>> ReadLast(const std::vector<redis::Command>& commands,
                                       const std::vector<redis::Reply>& replies) {
  QUANTUM_ASSERT(commands.size() == replies.size());
  std::vector<uint64_t> last;
  for (size_t i = 0; i < replies.size(); ++i) {
    QUANTUM_CHECK(Judge(commands[i], replies[i]));
    last.push_back(static_cast<uint64_t>(replies[i].integer));
  }
  return last;
}

}  // namespace quantum::bus
