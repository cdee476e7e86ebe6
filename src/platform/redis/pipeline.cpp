#include "platform/redis/pipeline.h"

#include <algorithm>

#include "platform/redis/discovery.h"

namespace quantum::redis {

void Pipeline::Push(RequestPtr request) {
  commands_ += request->commands;
  waiting_.push_back(std::move(request));
}

std::string Pipeline::TakeBytes(size_t bytes_max) {
  std::string bytes;
  while (!waiting_.empty() && (bytes.empty() || bytes.size() + waiting_.front()->bytes.size() <= bytes_max)) {
    RequestPtr request = std::move(waiting_.front());
    waiting_.pop_front();
    request->state = Request::State::kSent;
    bytes += request->bytes;
    in_flight_.push_back(std::move(request));
  }
  return bytes;
}

bool Pipeline::OnReply(Reply reply) {
  if (in_flight_.empty()) {
    return false;
  }
  RequestPtr& front = in_flight_.front();
  front->replies.push_back(std::move(reply));
  if (front->replies.size() < front->commands) {
    return true;
  }
  RequestPtr request = std::move(front);
  in_flight_.pop_front();
  const Reply& first = request->replies.front();
  if (first.is_error() && RefusesAsNode(first.text)) {
    request->replies.clear();
    request->state = Request::State::kQueued;
    refused_.push_back(std::move(request));
    return true;
  }
  commands_ -= request->commands;
  request->state = Request::State::kAnswered;
  request->done.Set();
  return true;
}

void Pipeline::OnBroken() {
  for (const RequestPtr& request : in_flight_) {
    commands_ -= request->commands;
    request->state = Request::State::kBroken;
    request->done.Set();
  }
  in_flight_.clear();
  waiting_.insert(waiting_.begin(), refused_.begin(), refused_.end());
  refused_.clear();
}

void Pipeline::Abandon() {
  OnBroken();
  for (const RequestPtr& request : waiting_) {
    request->done.Set();
  }
}

bool Pipeline::Withdraw(const RequestPtr& request) {
  for (std::deque<RequestPtr>* queue : {&waiting_, &refused_}) {
    const auto found = std::find(queue->begin(), queue->end(), request);
    if (found != queue->end()) {
      queue->erase(found);
      commands_ -= request->commands;
      return true;
    }
  }
  return false;
}

}  // namespace quantum::redis
