#pragma once

#include <functional>
#include <memory>

#include "operator/state/layout.h"
#include "platform/base/result.h"

namespace quantum::operate {

// One `up` at a time prepares and starts a state directory: holds its lock (the file `up.lock` in it) as long as it
// lives. The directory is made for that; when it was not there before, or empty, and nothing came of the preparation,
// all of that is taken away again: refused options leave nothing behind. For one thread.
class Preparation {
 public:
  // Waits while another `up` holds the lock; `on_wait` is told its pid once. kCancelled: `interrupted` said so.
  static Result<Preparation> Begin(const Layout& layout, const std::function<bool()>& interrupted,
                                   const std::function<void(pid_t holder)>& on_wait);
  Preparation(Preparation&&) noexcept;
  Preparation& operator=(Preparation&&) = delete;
  ~Preparation();

  // A process may have been started: from now on the directory stays, whatever happens.
  void Keep();

 private:
  struct State;
  explicit Preparation(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quantum::operate
