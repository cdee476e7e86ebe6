#include "platform/redis/sentinels.h"

#include "platform/redis/wire.h"

namespace quantum::redis {

namespace {

// Outlives the round, because a slow sentinel's fiber may end after it.
struct Round {
  explicit Round(size_t sentinels) : discovery(sentinels) {}
  Discovery discovery;
  fiber::Event answered;
};

Result<Reply> AskOne(fiber::Loop& loop, const Endpoint& sentinel, const std::string& password, const std::string& name,
                     Duration timeout, const Clock& clock) {
  QUANTUM_TRY(auto wire, Wire::Open(loop, sentinel, "", password, timeout, clock));
  QUANTUM_TRY(auto replies, wire->Run({{"SENTINEL", "get-master-addr-by-name", name}}, timeout));
  return std::move(replies.front());
}

}  // namespace

Found AskSentinels(fiber::Loop& loop, const ClientOptions& options, const std::optional<Endpoint>& last_master,
                   const Clock& clock) {
  const auto round = std::make_shared<Round>(options.sentinels.size());
  for (size_t i = 0; i < options.sentinels.size(); ++i) {
    loop.Spawn([&loop, &clock, round, i, sentinel = options.sentinels[i], password = options.sentinel_password,
                name = options.master_name, timeout = options.connect_timeout] {
      auto reply = AskOne(loop, sentinel, password, name, timeout, clock);
      if (reply) {
        round->discovery.OnAnswer(i, *reply);
      } else {
        round->discovery.OnSilence(i, reply.error());
      }
      round->answered.Set();
    });
  }
  const SteadyTime end = clock.Steady() + 2 * options.connect_timeout;
  Discovery::Verdict verdict = round->discovery.Decide(last_master);
  while (verdict.kind == Discovery::Verdict::Kind::kUndecided) {
    const Duration left = end - clock.Steady();
    if (left <= Duration::zero()) {
      return {
          {Discovery::Verdict::Kind::kNone, {}, "the sentinels do not answer in time"}, round->discovery.reached(), 0};
    }
    round->answered.WaitFor(left);
    round->answered.Reset();
    verdict = round->discovery.Decide(last_master);
  }
  const int agree = round->discovery.naming(verdict.master);
  return {std::move(verdict), round->discovery.reached(), agree};
}

}  // namespace quantum::redis
