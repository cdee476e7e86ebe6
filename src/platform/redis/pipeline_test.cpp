#include "platform/redis/pipeline.h"

#include <gtest/gtest.h>

namespace quantum::redis {
namespace {

RequestPtr Asking(std::string bytes, size_t commands = 1) {
  auto request = std::make_shared<Request>();
  request->bytes = std::move(bytes);
  request->commands = commands;
  return request;
}
Reply Status(std::string text) { return {.type = Reply::Type::kStatus, .text = std::move(text)}; }
Reply Failure(std::string text) { return {.type = Reply::Type::kError, .text = std::move(text)}; }

TEST(Pipeline, GivesAnswersToWhoAskedInOrder) {
  Pipeline pipeline;
  const auto first = Asking("a", 2);
  const auto second = Asking("b");
  pipeline.Push(first);
  pipeline.Push(second);
  EXPECT_EQ(pipeline.TakeBytes(), "ab");
  EXPECT_TRUE(pipeline.OnReply(Status("1")));
  EXPECT_FALSE(first->done.is_set());
  EXPECT_TRUE(pipeline.OnReply(Status("2")));
  EXPECT_TRUE(first->done.is_set());
  EXPECT_TRUE(pipeline.OnReply(Status("3")));
  EXPECT_EQ(second->replies.at(0).text, "3");
  EXPECT_EQ(pipeline.commands(), 0u);
  EXPECT_FALSE(pipeline.OnReply(Status("4"))) << "nobody asked";
}

TEST(Pipeline, WhatWasInFlightWhenTheConnectionBrokeIsUnknownAndNeverSentAgain) {
  Pipeline pipeline;
  const auto sent = Asking("a");
  pipeline.Push(sent);
  pipeline.TakeBytes();
  const auto waiting = Asking("b");
  pipeline.Push(waiting);
  pipeline.OnBroken();
  EXPECT_EQ(sent->state, Request::State::kBroken);
  EXPECT_TRUE(sent->done.is_set());
  EXPECT_EQ(waiting->state, Request::State::kQueued);
  EXPECT_EQ(pipeline.TakeBytes(), "b");
}

TEST(Pipeline, WhatANodeRefusedAsNoMasterWaitsForTheNextInOrder) {
  Pipeline pipeline;
  const auto first = Asking("a");
  const auto second = Asking("b");
  pipeline.Push(first);
  pipeline.Push(second);
  pipeline.TakeBytes();
  pipeline.Push(Asking("c"));
  EXPECT_TRUE(pipeline.OnReply(Failure("READONLY You can't write against a read only replica.")));
  EXPECT_TRUE(pipeline.refused());
  EXPECT_TRUE(pipeline.OnReply(Failure("READONLY You can't write against a read only replica.")));
  EXPECT_FALSE(first->done.is_set());
  pipeline.OnBroken();
  EXPECT_EQ(pipeline.TakeBytes(), "abc");
}

TEST(Pipeline, ARefusalAfterAnExecutedCommandIsLeftToTheCaller) {
  Pipeline pipeline;
  const auto request = Asking("ab", 2);
  pipeline.Push(request);
  pipeline.TakeBytes();
  pipeline.OnReply(Status("OK"));
  pipeline.OnReply(Failure("READONLY no"));
  EXPECT_EQ(request->state, Request::State::kAnswered) << "repeating it would execute the first command twice";
}

TEST(Pipeline, ACallerMayWithdrawOnlyWhatWasNotSent) {
  Pipeline pipeline;
  const auto request = Asking("a");
  pipeline.Push(request);
  const auto later = Asking("b");
  pipeline.Push(later);
  EXPECT_TRUE(pipeline.Withdraw(later));
  pipeline.TakeBytes();
  EXPECT_FALSE(pipeline.Withdraw(request));
  EXPECT_EQ(pipeline.commands(), 1u);
}

TEST(Pipeline, KeepsOneWriteSmall) {
  Pipeline pipeline;
  pipeline.Push(Asking(std::string(60, 'a')));
  pipeline.Push(Asking(std::string(60, 'b')));
  EXPECT_EQ(pipeline.TakeBytes(100).size(), 60u);
  EXPECT_EQ(pipeline.TakeBytes(10).size(), 60u) << "one request always goes";
}

}  // namespace
}  // namespace quantum::redis
