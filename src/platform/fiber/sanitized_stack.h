#pragma once

#include <boost/context/protected_fixedsize_stack.hpp>
#include <boost/context/stack_context.hpp>
#include <cstddef>
#include <memory>
#include <utility>

// What the sanitizers must be told about fibers, in a build with them; nothing otherwise. Inside this folder only.
//
// Asio switches stacks itself and has no hook on the loop's side, so everything is told from the fiber's side: on
// entering a fiber, and just before leaving it. That is enough for the address sanitizer: between "leaving for the
// loop" and the next entering it decides by the address which of the two stacks it is on.
namespace quantum::fiber::detail {

// The stack of one fiber. Made by the fiber itself at its beginning, which enters it; its end leaves it for good.
class SanitizedStack {
 public:
  explicit SanitizedStack(const boost::context::stack_context& stack);
  ~SanitizedStack();
  SanitizedStack(const SanitizedStack&) = delete;
  SanitizedStack& operator=(const SanitizedStack&) = delete;

  void Enter();  // the first thing after the loop has switched to this stack
  void Leave();  // the last thing before it switches back
  // An exception unwinds this stack that was thrown before Enter could tell on which stack: forgets all marks on it.
  void Unwinding();

 private:
  [[maybe_unused]] const boost::context::stack_context stack_;
  [[maybe_unused]] void* tsan_fiber_ = nullptr;
};

// On the loop's stack, before its fibers run and after they do. `began_elsewhere`: they were running in another thread,
// whose call stack holds the beginnings of the functions that end here.
void EnterLoop(bool began_elsewhere = false);
void LeaveLoop();
// All fibers of this thread are about to be unwound, each by an exception out of its depth: forgets the marks on them.
void UnwindingAll();

// 256 KiB with a guard page, used again by later fibers of the thread (not under a sanitizer). Tells the fiber where
// its stack is, and forgets the sanitizer's marks when it is freed.
class StackAllocator {
 public:
  explicit StackAllocator(std::shared_ptr<boost::context::stack_context> told) : told_(std::move(told)) {}

  boost::context::stack_context allocate();
  void deallocate(boost::context::stack_context& stack);

 private:
  static constexpr size_t kStackBytes = 256 * 1024;
  std::shared_ptr<boost::context::stack_context> told_;
  boost::context::protected_fixedsize_stack stacks_{kStackBytes};
};

}  // namespace quantum::fiber::detail
