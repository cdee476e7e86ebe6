#pragma once

#include <string>

#include "platform/base/result.h"

// Small files that must survive power loss. Blocking: for files of a few kilobytes.
namespace quantum {

Result<std::string> ReadFile(const std::string& path);

// Replaces the file as a whole (temporary file, fsync, rename, fsync of the directory), mode 0600; makes the directory.
Status WriteFileDurably(const std::string& path, const std::string& text);

}  // namespace quantum
