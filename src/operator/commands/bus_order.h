#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "operator/bus/streams.h"
#include "operator/commands/command.h"

// What the subcommands of `quantum bus` share.
namespace quantum::operate {

// What a subcommand was given.
struct BusOrder {
  std::string family;
  std::string service;
  std::string from;
  std::vector<std::string> ids;
  bool all = false;
  int count = 20;
  bool follow = false;
};

// kInvalidArgument, naming those there are, when the stream, or the group on it, is none.
Status CheckStream(const std::vector<StreamState>& streams, const std::string& family);
Status CheckGroup(const std::vector<StreamState>& streams, const std::string& family, const std::string& service);

// Run the body in a fiber, with the operator's connection to the master; the latter two after these checks.
Status WithRedis(const Context& context, const std::function<Status(redis::Client&)>& body);
Status WithStream(const Context& context, const BusOrder& order, const std::function<Status(redis::Client&)>& body);
Status WithGroup(const Context& context, const BusOrder& order, const std::function<Status(redis::Client&)>& body);

// The argument STREAM.
void AddStream(CLI::App& command, const std::shared_ptr<BusOrder>& order);

void AddDeadLetters(CLI::App& bus, Context& context, const std::shared_ptr<BusOrder>& order);

}  // namespace quantum::operate
