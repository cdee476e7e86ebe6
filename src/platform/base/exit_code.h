#pragma once

// How a process of ours ends; the supervisor reads it.
namespace quantum {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
// Another process goes on under this one's name. Started again it would fence that one off in its turn.
inline constexpr int kExitTakenOver = 3;

}  // namespace quantum
