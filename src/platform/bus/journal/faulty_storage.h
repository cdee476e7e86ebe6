#pragma once

#include <map>
#include <string>
#include <vector>

#include "platform/base/random.h"
#include "platform/bus/journal/storage.h"

namespace quantum::bus::journal {

// For tests: a disk in memory that tells what is safe from what a power loss takes, and that fails when told to.
class FaultyStorage final : public Storage {
 public:
  Result<std::vector<std::string>> List() override {
    std::vector<std::string> names;
    for (const auto& [name, file] : files_) {
      names.push_back(name);
    }
    return names;
  }
  Result<std::string> Read(const std::string& name) override { return files_.at(name).seen; }

  Status Write(const std::string& name, uint64_t offset, std::string_view bytes) override {
    std::string& seen = files_[name].seen;
    if (full_) {
      bytes = bytes.substr(0, bytes.size() / 2);  // what still fitted
    }
    if (seen.size() < offset + bytes.size()) {
      seen.resize(offset + bytes.size());
    }
    seen.replace(offset, bytes.size(), bytes);
    return full_ ? Status(Error{Errc::kExhausted, "the disk is full"}) : Status();
  }

  Status Sync(const std::string& name) override {
    File& file = files_.at(name);
    if (sync_fails_) {
      file.doubtful = true;  // the kernel forgot the pages: a later sync of this file proves nothing
      return Error{Errc::kUnavailable, "sync failed"};
    }
    if (!file.doubtful) {
      file.safe = file.seen;
      file.exists_safely = true;
    }
    return {};
  }

  Status Remove(const std::string& name) override {
    files_.erase(name);
    return {};
  }
  Status Rename(const std::string& from, const std::string& to) override {
    files_[to] = files_.at(from);
    files_.erase(from);
    return {};
  }

  void set_full(bool full) { full_ = full; }
  void set_sync_fails(bool fails) { sync_fails_ = fails; }
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> all;
    for (const auto& [name, file] : files_) {
      all[name] = file.seen;
    }
    return all;
  }
  void Put(const std::string& name, const std::string& bytes) { files_[name] = {bytes, bytes, true, false}; }

  // The machine loses power: of what was not synced any part may have reached the disk. The process that used this
  // storage is gone.
  void LosePower(Random& random) {
    for (auto file = files_.begin(); file != files_.end();) {
      if (!file->second.exists_safely && random.Below(2) == 0) {
        file = files_.erase(file);
        continue;
      }
      std::string& seen = file->second.seen;
      const size_t safe = file->second.safe.size();
      const size_t kept = safe + (seen.size() > safe ? random.Below(seen.size() - safe + 1) : 0);
      seen = file->second.safe + seen.substr(safe, kept - safe);
      if (kept > safe && random.Below(3) == 0) {
        seen[safe + random.Below(kept - safe)] ^= 0x5a;  // a block that was never written
      }
      file->second.safe = seen;
      file->second.exists_safely = true;
      file->second.doubtful = false;
      ++file;
    }
  }

 private:
  struct File {
    std::string seen;  // what a read sees
    std::string safe;  // what survives
    bool exists_safely = false;
    bool doubtful = false;
  };
  std::map<std::string, File> files_;
  bool full_ = false;
  bool sync_fails_ = false;
};

}  // namespace quantum::bus::journal
