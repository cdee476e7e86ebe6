#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"

namespace quantum::bus::journal {

// The files of one journal: a flat folder. Every call blocks, so it is for the disk's thread; one caller at a time.
// Errors name the file and what to do; kExhausted is a full disk.
class Storage {
 public:
  virtual ~Storage() = default;

  virtual Result<std::vector<std::string>> List() = 0;  // sorted by name
  virtual Result<std::string> Read(const std::string& name) = 0;
  // Makes the file (mode 0600) if it is not there. What lies behind the bytes stays.
  virtual Status Write(const std::string& name, uint64_t offset, std::string_view bytes) = 0;
  // What was written to this file survives power loss, and so does its name.
  virtual Status Sync(const std::string& name) = 0;
  virtual Status Remove(const std::string& name) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
};

// A folder of the file system, locked against a second process as long as this object lives.
class DirectoryStorage final : public Storage {
 public:
  // Makes the folder (mode 0700). kConflict: another process, named by its pid, has it.
  static Result<std::unique_ptr<DirectoryStorage>> Open(const std::string& directory);
  ~DirectoryStorage() override;

  Result<std::vector<std::string>> List() override;
  Result<std::string> Read(const std::string& name) override;
  Status Write(const std::string& name, uint64_t offset, std::string_view bytes) override;
  Status Sync(const std::string& name) override;
  Status Remove(const std::string& name) override;
  Status Rename(const std::string& from, const std::string& to) override;

 private:
  DirectoryStorage(std::string directory, int lock, int folder);
  Error Failure(const char* what, const std::string& name, int code) const;
  Result<int> OpenForWriting(const std::string& name);
  void CloseFile(const std::string& name);

  const std::string directory_;
  const int lock_;
  const int folder_;
  struct OpenFile {
    std::string name;
    int descriptor = -1;
  };
  std::vector<OpenFile> open_;  // those written last stay open, the latest at the end
  bool created_ = false;        // since the last Sync: the folder must be synced too
};

}  // namespace quantum::bus::journal
