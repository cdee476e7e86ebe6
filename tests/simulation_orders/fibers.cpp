#include "tests/simulation_orders/fibers.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/context/fiber.hpp>
#include <exception>
#include <set>
#include <vector>

#include "platform/base/correlation.h"
#include "platform/fiber/fiber.h"
#include "platform/fiber/sanitized_stack.h"

namespace quantum::fiber {
namespace {

namespace context = boost::context;

struct Fiber {
  context::fiber own;
  context::fiber loop;  // while it runs: where to go back to
  detail::SanitizedStack* stack = nullptr;
  std::string correlation_id;
  bool queued = false;
};

struct Timer {
  SteadyTime at{};
  uint64_t number = 0;  // of two for the same time the one that began to wait first
  Fiber* fiber = nullptr;
  bool operator<(const Timer& other) const { return std::pair(at, number) < std::pair(other.at, other.number); }
};

struct Scheduler {
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::deque<Fiber*> ready;
  std::set<Timer> timers;
  Fiber* running = nullptr;
  uint64_t next_number = 0;
};

thread_local const Clock* simulated_clock = nullptr;
thread_local Scheduler* scheduler = nullptr;  // of the one loop
thread_local Loop* the_loop = nullptr;

void MakeReady(Fiber* fiber) {
  if (!std::exchange(fiber->queued, true)) {
    scheduler->ready.push_back(fiber);
  }
}

// Leaves the running fiber for the loop and comes back: as platform/fiber/await.h does it.
void Suspend() {
  struct Away {
    explicit Away(Fiber& fiber)
        : self(fiber),
          correlation_id(quantum::detail::ExchangeCorrelationId({})),
          exceptions(std::uncaught_exceptions()) {
      self.stack->Leave();
    }
    ~Away() {
      self.stack->Enter();
      if (std::uncaught_exceptions() > exceptions) {
        self.stack->Unwinding();
      }
      scheduler->running = &self;
      quantum::detail::ExchangeCorrelationId(std::move(correlation_id));
    }
    Fiber& self;
    std::string correlation_id;
    int exceptions;
  };
  QUANTUM_ASSERT(InFiber() && !std::current_exception());
  Fiber& self = *scheduler->running;
  const Away away(self);
  self.loop = std::move(self.loop).resume();
}

void Continue(Fiber* fiber) {
  scheduler->running = fiber;
  fiber->own = std::move(fiber->own).resume();
  scheduler->running = nullptr;
  if (!fiber->own) {
    std::erase_if(scheduler->fibers, [&](const auto& one) { return one.get() == fiber; });
  }
}

}  // namespace

struct Loop::Heartbeat {
  Scheduler scheduler;
};

Loop::Loop(std::string name) : name_(std::move(name)), heartbeat_(std::make_unique<Heartbeat>()) {
  QUANTUM_ASSERT(the_loop == nullptr && simulated_clock != nullptr);
  the_loop = this;
  scheduler = &heartbeat_->scheduler;
}

Loop::~Loop() {
  detail::EnterLoop();
  detail::UnwindingAll();
  for (const auto& fiber : scheduler->fibers) {
    fiber->own = context::fiber();  // unwinds its stack
    scheduler->running = nullptr;
    quantum::detail::ExchangeCorrelationId({});
  }
  detail::LeaveLoop();
  scheduler = nullptr;
  the_loop = nullptr;
}

void Loop::Run() {
  detail::EnterLoop();
  while (true) {
    while (!scheduler->timers.empty() && scheduler->timers.begin()->at <= simulated_clock->Steady()) {
      MakeReady(scheduler->timers.begin()->fiber);
      scheduler->timers.erase(scheduler->timers.begin());
    }
    if (scheduler->ready.empty()) {
      break;
    }
    Fiber* const next = scheduler->ready.front();
    scheduler->ready.pop_front();
    next->queued = false;
    Continue(next);
  }
  detail::LeaveLoop();
}

void Loop::Spawn(std::function<void()> body) {
  Fiber* const fiber = scheduler->fibers.emplace_back(std::make_unique<Fiber>()).get();
  auto stack = std::make_shared<context::stack_context>();
  fiber->own =
      context::fiber(std::allocator_arg, detail::StackAllocator(stack),
                     [fiber, stack, run = std::move(body), id = CurrentCorrelationId()](context::fiber&& loop) mutable {
                       fiber->loop = std::move(loop);
                       {
                         detail::SanitizedStack sanitized(*stack);
                         fiber->stack = &sanitized;
                         quantum::detail::ExchangeCorrelationId(std::move(id));
                         run();
                         run = nullptr;
                         quantum::detail::ExchangeCorrelationId({});
                       }
                       return std::move(fiber->loop);
                     });
  MakeReady(fiber);
}

bool InFiber() { return scheduler != nullptr && scheduler->running != nullptr; }

void SleepFor(Duration duration) { Event().WaitFor(duration); }

struct Event::Waiter {
  Fiber* fiber = nullptr;
  Timer timer;
  bool woken = false;
};

Event::Event() = default;
Event::~Event() = default;

void Event::Set() {
  set_ = true;
  for (Waiter* waiter : waiters_) {
    waiter->woken = true;
    MakeReady(waiter->fiber);
  }
}

void Event::Reset() { set_ = false; }

void Event::Wait() {
  while (!WaitFor(std::chrono::hours(24))) {
  }
}

bool Event::WaitFor(Duration timeout) {
  if (set_) {
    return true;
  }
  QUANTUM_ASSERT(InFiber());
  Fiber* const self = scheduler->running;
  Waiter waiter{self, {simulated_clock->Steady() + timeout, ++scheduler->next_number, self}};
  struct Leave {
    ~Leave() {
      std::erase(waiters, &waiter);
      scheduler->timers.erase(waiter.timer);
    }
    std::deque<Waiter*>& waiters;
    Waiter& waiter;
  };
  scheduler->timers.insert(waiter.timer);
  waiters_.push_back(&waiter);
  const Leave leave{waiters_, waiter};
  Suspend();
  return set_ || waiter.woken;
}

}  // namespace quantum::fiber

namespace quantum::orders_simulation {

void UseClock(const Clock& clock) { fiber::simulated_clock = &clock; }

std::optional<SteadyTime> NextWake() {
  const auto* const scheduler = fiber::scheduler;
  if (scheduler == nullptr || scheduler->timers.empty()) {
    return std::nullopt;
  }
  return scheduler->timers.begin()->at;
}

}  // namespace quantum::orders_simulation
