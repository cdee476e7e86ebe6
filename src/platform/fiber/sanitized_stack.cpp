#include "platform/fiber/sanitized_stack.h"

#if defined(__SANITIZE_ADDRESS__)
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#include <vector>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#else
#include <vector>
#endif

#if defined(__SANITIZE_THREAD__)
// What the compiler calls at the beginning and the end of a function; in no header.
extern "C" void __tsan_func_entry(void* caller);
extern "C" void __tsan_func_exit();
#endif

namespace quantum::fiber::detail {

#if defined(__SANITIZE_ADDRESS__)

namespace {

struct Bounds {
  const void* bottom = nullptr;
  size_t bytes = 0;
};

thread_local Bounds loop_stack;
thread_local std::vector<Bounds> live_stacks;
thread_local bool leaving = false;  // a switch to the loop has been told and not yet been finished

Bounds ThreadStack() {
  pthread_attr_t attributes;
  pthread_getattr_np(pthread_self(), &attributes);
  void* bottom = nullptr;
  size_t bytes = 0;
  pthread_attr_getstack(&attributes, &bottom, &bytes);
  pthread_attr_destroy(&attributes);
  return {bottom, bytes};
}

Bounds BoundsOf(const boost::context::stack_context& stack) {
  return {static_cast<char*>(stack.sp) - stack.size, stack.size};
}

void FinishLeaving() {
  if (leaving) {
    leaving = false;
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
  }
}

}  // namespace

SanitizedStack::SanitizedStack(const boost::context::stack_context& stack) : stack_(stack) { Enter(); }
SanitizedStack::~SanitizedStack() { Leave(); }

void SanitizedStack::Enter() {
  FinishLeaving();
  const Bounds bounds = BoundsOf(stack_);
  __sanitizer_start_switch_fiber(nullptr, bounds.bottom, bounds.bytes);
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
}

void SanitizedStack::Leave() {
  __sanitizer_start_switch_fiber(nullptr, loop_stack.bottom, loop_stack.bytes);
  leaving = true;
}

void SanitizedStack::Unwinding() {
  const Bounds bounds = BoundsOf(stack_);
  ASAN_UNPOISON_MEMORY_REGION(bounds.bottom, bounds.bytes);
}

void EnterLoop(bool) { loop_stack = ThreadStack(); }
void LeaveLoop() { FinishLeaving(); }

void UnwindingAll() {
  for (const Bounds& bounds : live_stacks) {
    ASAN_UNPOISON_MEMORY_REGION(bounds.bottom, bounds.bytes);
  }
}

boost::context::stack_context StackAllocator::allocate() {
  *told_ = stacks_.allocate();
  live_stacks.push_back(BoundsOf(*told_));
  return *told_;
}

void StackAllocator::deallocate(boost::context::stack_context& stack) {
  const Bounds bounds = BoundsOf(stack);
  std::erase_if(live_stacks, [&](const Bounds& live) { return live.bottom == bounds.bottom; });
  ASAN_UNPOISON_MEMORY_REGION(bounds.bottom, bounds.bytes);
  stacks_.deallocate(stack);
}

#elif defined(__SANITIZE_THREAD__)

// The compiler has every function tell the sanitizer its beginning and its end, which keeps a call stack of its own for
// each fiber. A function that switches between two of them would begin on one and end on the other: these do not tell.
#define QUANTUM_UNTOLD __attribute__((no_sanitize("thread")))

namespace {

thread_local void* tsan_loop = nullptr;
// In the place of the loop's call stack where its functions began elsewhere: what ends there has something to end.
thread_local void* stand_in = nullptr;
thread_local void* before_stand_in = nullptr;
constexpr int kBeginnings = 30'000;  // ten for each fiber of a large loop; a call stack has room for 65,536

}  // namespace

QUANTUM_UNTOLD SanitizedStack::SanitizedStack(const boost::context::stack_context& stack)
    : stack_(stack), tsan_fiber_(__tsan_create_fiber(0)) {
  __tsan_switch_to_fiber(tsan_fiber_, 0);
}

QUANTUM_UNTOLD SanitizedStack::~SanitizedStack() {
  __tsan_switch_to_fiber(tsan_loop, 0);
  __tsan_destroy_fiber(tsan_fiber_);
  // boost::context's fiber_entry began on the loop's call stack and never ends: it jumps away. Without this the loop's
  // call stack grows with every fiber, and its end, after some 65,000, is that of the process.
  __tsan_func_exit();
}

QUANTUM_UNTOLD void SanitizedStack::Enter() { __tsan_switch_to_fiber(tsan_fiber_, 0); }
QUANTUM_UNTOLD void SanitizedStack::Leave() { __tsan_switch_to_fiber(tsan_loop, 0); }
void SanitizedStack::Unwinding() {}

QUANTUM_UNTOLD void EnterLoop(bool began_elsewhere) {
  tsan_loop = __tsan_get_current_fiber();
  if (began_elsewhere) {
    before_stand_in = tsan_loop;
    tsan_loop = stand_in = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(stand_in, 0);
    for (int i = 0; i < kBeginnings; ++i) {
      __tsan_func_entry(nullptr);
    }
  }
}

QUANTUM_UNTOLD void LeaveLoop() {
  if (stand_in != nullptr) {
    __tsan_switch_to_fiber(before_stand_in, 0);
    __tsan_destroy_fiber(stand_in);
    stand_in = nullptr;
  }
}

void UnwindingAll() {}

boost::context::stack_context StackAllocator::allocate() { return *told_ = stacks_.allocate(); }
void StackAllocator::deallocate(boost::context::stack_context& stack) { stacks_.deallocate(stack); }

#else

namespace {

// Stacks of ended fibers, for the next ones of this thread: mapping, guarding and first touching one costs more than
// most fibers do in their life.
constexpr size_t kSparesMax = 64;
thread_local bool spares_gone = false;

struct Spares {
  std::vector<boost::context::stack_context> stacks;
  ~Spares() {
    spares_gone = true;
    for (boost::context::stack_context& stack : stacks) {
      boost::context::protected_fixedsize_stack().deallocate(stack);
    }
  }
};
thread_local Spares spares;

}  // namespace

SanitizedStack::SanitizedStack(const boost::context::stack_context& stack) : stack_(stack) {}
SanitizedStack::~SanitizedStack() = default;
void SanitizedStack::Enter() {}
void SanitizedStack::Leave() {}
void SanitizedStack::Unwinding() {}

void EnterLoop(bool) {}
void LeaveLoop() {}
void UnwindingAll() {}

boost::context::stack_context StackAllocator::allocate() {
  if (spares_gone || spares.stacks.empty()) {
    return *told_ = stacks_.allocate();
  }
  *told_ = spares.stacks.back();
  spares.stacks.pop_back();
  return *told_;
}

void StackAllocator::deallocate(boost::context::stack_context& stack) {
  if (spares_gone || spares.stacks.size() >= kSparesMax) {
    stacks_.deallocate(stack);
  } else {
    spares.stacks.push_back(stack);
  }
}

#endif

}  // namespace quantum::fiber::detail
