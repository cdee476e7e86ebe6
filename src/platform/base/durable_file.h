#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "platform/base/result.h"

// Small files that must survive power loss. Blocking: for files of a few kilobytes.
// Errors: kNotFound (the file, for writing its directory), kPermission, kExhausted (the disk is full), else kInternal;
// the message names the file, and for a full disk what to free.
namespace quantum {

// To whom a new file is given; -1: as it is.
struct FileOwner {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

Result<std::string> ReadFile(const std::string& path);

// Replaces the file as a whole (path.new, fsync, rename, fsync of the directory): a reader sees the old or the new
// text, never a part, and what was written is there after power loss. The file is a new one whatever lay there, also in
// a folder that belongs to somebody else. After an error the old file stands. One writer a path at a time.
Status WriteFileAtomically(const std::string& path, std::string_view text, unsigned mode, FileOwner owner = {});

// As above with mode 0600, and makes the directory.
Status WriteFileDurably(const std::string& path, std::string_view text);

// Makes names created, renamed or removed in the directory durable.
Status SyncDirectory(const std::string& path);

}  // namespace quantum
