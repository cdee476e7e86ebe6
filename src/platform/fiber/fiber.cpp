#include "platform/fiber/fiber.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <thread>

#include "platform/fiber/await.h"
#include "platform/fiber/sanitized_stack.h"

namespace quantum::fiber {

namespace asio = boost::asio;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                         asio::io_context::executor_type>;

namespace {

constexpr auto kHeartbeat = std::chrono::milliseconds(100);

thread_local Loop* current_loop = nullptr;
thread_local detail::Running current_running;

}  // namespace

namespace detail {

Running& CurrentRunning() { return current_running; }

Suspension::Suspension()
    : saved_(std::exchange(current_running, {})),
      correlation_id_(quantum::detail::ExchangeCorrelationId({})),
      exceptions_(std::uncaught_exceptions()) {
  saved_.stack->Leave();
}

Suspension::~Suspension() {
  saved_.stack->Enter();
  if (std::uncaught_exceptions() > exceptions_) {
    saved_.stack->Unwinding();
  }
  current_running = saved_;
  quantum::detail::ExchangeCorrelationId(std::move(correlation_id_));
}

void RunOnAndWait(Loop& target, std::function<void()> fn) {
  QUANTUM_ASSERT(InFiber());
  Loop& home = CurrentLoop();
  Event done;
  target.Spawn([&fn, &home, &done] {
    fn();
    home.Post([&done] { done.Set(); });
  });
  done.Wait();
}

}  // namespace detail

struct Loop::Heartbeat {
  explicit Heartbeat(asio::io_context& context) : timer(context.get_executor()) {}
  Timer timer;
  std::thread::id runner;  // the thread that runs the loop, or did
};

Loop::Loop(std::string name)
    : name_(std::move(name)),
      context_(std::make_unique<asio::io_context>(1)),
      heartbeat_(std::make_unique<Heartbeat>(*context_)) {}

Loop::~Loop() {
  // Suspended fibers unwind here, so their destructors must find their loop.
  Loop* const previous = std::exchange(current_loop, this);
  detail::EnterLoop(heartbeat_->runner != std::thread::id() && heartbeat_->runner != std::this_thread::get_id());
  detail::UnwindingAll();
  heartbeat_.reset();
  context_.reset();
  detail::LeaveLoop();
  current_loop = previous;
}

void Loop::Run() {
  QUANTUM_ASSERT(current_loop == nullptr);
  current_loop = this;
  heartbeat_->runner = std::this_thread::get_id();
  struct Leave {
    ~Leave() {  // also when a fiber's exception leaves run()
      current_loop = nullptr;
      detail::LeaveLoop();
    }
  } leave;
  detail::EnterLoop();
  context_->restart();
  Beat();
  context_->run();
}

void Loop::Beat() {
  turns_.fetch_add(1, std::memory_order_relaxed);
  heartbeat_->timer.expires_after(kHeartbeat);
  heartbeat_->timer.async_wait([this](boost::system::error_code error) {
    if (!error) {
      Beat();
    }
  });
}

void Loop::Stop() { context_->stop(); }

void Loop::Post(std::function<void()> fn) { asio::post(*context_, std::move(fn)); }

void Loop::Spawn(std::function<void()> body) {
  auto stack = std::make_shared<boost::context::stack_context>();
  auto run = [stack, body = std::move(body), id = CurrentCorrelationId()](Yield yield) mutable {
    detail::SanitizedStack sanitized(*stack);
    current_running = {&yield, &sanitized};
    quantum::detail::ExchangeCorrelationId(std::move(id));
    struct Leave {
      ~Leave() {
        quantum::detail::ExchangeCorrelationId({});
        current_running = {};
      }
    } leave;
    body();
    body = nullptr;
  };
  // Posted, because spawn would start the new fiber on top of the one that calls.
  asio::post(*context_, [this, stack = std::move(stack), run = std::move(run)]() mutable {
    asio::spawn(context_->get_executor(), std::allocator_arg, detail::StackAllocator(std::move(stack)), std::move(run),
                [](std::exception_ptr error) {
                  if (error) {
                    std::rethrow_exception(error);  // leaves Run() and ends the process with the exception's text
                  }
                });
  });
}

bool Loop::RunsInThisThread() const { return current_loop == this; }

bool InFiber() { return current_running.yield != nullptr; }

Loop& CurrentLoop() {
  QUANTUM_ASSERT(current_loop != nullptr);
  return *current_loop;
}

void SleepFor(Duration duration) {
  Timer timer(CurrentLoop().context().get_executor(), duration);
  boost::system::error_code error;
  Await([&](Yield& yield) { timer.async_wait(yield[error]); });
}

void YieldNow() {
  Await([&](Yield& yield) { asio::post(CurrentLoop().context(), yield); });
}

struct Event::Waiter {
  Timer timer;
};

Event::Event() = default;
Event::~Event() = default;

void Event::Set() {
  set_ = true;
  for (Waiter* waiter : waiters_) {
    waiter->timer.cancel();
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
  Waiter waiter{Timer(CurrentLoop().context().get_executor(), timeout)};
  waiters_.push_back(&waiter);
  struct Leave {
    std::deque<Waiter*>& waiters;
    Waiter* waiter;
    ~Leave() { std::erase(waiters, waiter); }
  } leave{waiters_, &waiter};
  boost::system::error_code error;
  Await([&](Yield& yield) { waiter.timer.async_wait(yield[error]); });
  // A cancelled timer means Set() came, even if somebody has reset the event since.
  return set_ || error == asio::error::operation_aborted;
}

void Mutex::lock() {
  if (!held_) {
    held_ = true;
    return;
  }
  Event turn;
  queue_.push_back(&turn);
  struct Leave {
    std::deque<Event*>& queue;
    Event* turn;
    ~Leave() { std::erase(queue, turn); }  // a fiber that is unwound while it waits
  } leave{queue_, &turn};
  turn.Wait();  // unlock() hands the mutex over: held_ stays true
}

void Mutex::unlock() {
  QUANTUM_ASSERT(held_);
  if (queue_.empty()) {
    held_ = false;
    return;
  }
  queue_.front()->Set();
  queue_.pop_front();
}

Gate::Pass::~Pass() {
  if (gate_ != nullptr && --gate_->inside_ == 0 && gate_->closed_) {
    gate_->empty_.Set();
  }
}

std::optional<Gate::Pass> Gate::Enter() {
  if (closed_) {
    return std::nullopt;
  }
  ++inside_;
  return Pass(this);
}

void Gate::Close() {
  closed_ = true;
  if (inside_ == 0) {
    empty_.Set();
  }
}

bool Gate::WaitEmptyFor(Duration timeout) { return inside_ == 0 || empty_.WaitFor(timeout); }

}  // namespace quantum::fiber
