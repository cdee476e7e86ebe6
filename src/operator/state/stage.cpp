#include "operator/state/stage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "operator/state/recorded_symbols.h"

namespace quantum::operate {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kBinPrefix = "${BIN}/";

Error FileError(std::string_view what, const std::string& path, const std::error_code& error) {
  if (error == std::errc::no_space_on_device) {
    return Error{Errc::kExhausted, fmt::format("{} {}: the disk is full; free some space and try again", what, path)};
  }
  return Error{Errc::kInternal, fmt::format("{} {}: {}", what, path, error.message())};
}

const Account* Find(const Accounts& accounts, const std::string& name) {
  const auto found = accounts.find(name);
  return found == accounts.end() ? nullptr : &found->second;
}

Status CheckAncestors(const Layout& layout, const Accounts& accounts) {
  if (accounts.empty()) {
    return {};
  }
  for (fs::path path = fs::path(layout.root).parent_path(); path != path.root_path(); path = path.parent_path()) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IXOTH) == 0) {
      return Error{
          Errc::kPermission,
          fmt::format("services run as the user {}, which cannot enter {}; choose another place with --state DIR",
                      kServiceUser, path.string())};
    }
  }
  return {};
}

// Copies aside and renames, so that a running program keeps its file. Nothing happens when size and time agree.
Status CopyIfNewer(const std::string& from, const std::string& to, mode_t mode) {
  std::error_code error;
  const auto size = fs::file_size(from, error);
  if (error) {
    return FileError("reading", from, error);
  }
  const auto time = fs::last_write_time(from, error);
  std::error_code absent;
  if (fs::exists(to, absent) && fs::file_size(to, absent) == size && fs::last_write_time(to, absent) == time) {
    return {};
  }
  const std::string temporary = to + ".new";
  fs::copy_file(from, temporary, fs::copy_options::overwrite_existing, error);
  if (!error) {
    fs::last_write_time(temporary, time, error);
  }
  if (!error && ::chmod(temporary.c_str(), mode) != 0) {
    error = std::error_code(errno, std::generic_category());
  }
  if (!error) {
    fs::rename(temporary, to, error);
  }
  if (error) {
    fs::remove(temporary, absent);
    // The library's copy says "input/output error" of a disk that took a part.
    const auto space = fs::space(fs::path(to).parent_path(), absent);
    const bool full = error == std::errc::io_error && !absent && space.available < size;
    return FileError("copying to", to, full ? std::make_error_code(std::errc::no_space_on_device) : error);
  }
  return {};
}

}  // namespace

Status MakeFolder(const std::string& path, mode_t mode, const Account* owner, const Account* group) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return FileError("creating", path, error);
  }
  const FileOwner given{.uid = owner != nullptr ? owner->uid : ::geteuid(),
                        .gid = group != nullptr   ? group->gid
                               : owner != nullptr ? owner->gid
                                                  : ::getegid()};
  // Where others write (run/) a name may have been planted, and must not lead elsewhere.
  struct stat parent {};
  const bool is_shared = ::stat(fs::path(path).parent_path().c_str(), &parent) == 0 && (parent.st_mode & 0022) != 0;
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | (is_shared ? O_NOFOLLOW : 0));
  const bool prepared =
      folder >= 0 && ::fchmod(folder, mode) == 0 && (::geteuid() != 0 || ::fchown(folder, given.uid, given.gid) == 0);
  const std::error_code failure(errno, std::generic_category());
  if (folder >= 0) {
    ::close(folder);
  }
  return prepared ? Status() : Status(FileError("preparing", path, failure));
}

Status PrepareFolders(const Layout& layout, const config::Manifest& manifest, const Accounts& accounts) {
  QUANTUM_CHECK(CheckAncestors(layout, accounts));
  const Account* service = Find(accounts, kServiceUser);
  for (const std::string& folder :
       {layout.root, layout.Bin(), layout.Etc(), layout.Data(), layout.Run(), layout.Market()}) {
    QUANTUM_CHECK(MakeFolder(folder, 0755, nullptr));
  }
  // Services put files of their own here (the halt flag) but cannot touch those of root: the records and the socket.
  if (service != nullptr) {
    QUANTUM_CHECK(MakeFolder(layout.Run(), 01775, nullptr, service));
  }
  QUANTUM_CHECK(MakeFolder(layout.Log(), 0755, nullptr));
  QUANTUM_CHECK(MakeFolder(layout.ServiceLog(), 0755, service));
  QUANTUM_CHECK(MakeFolder(layout.Records(), 0700, nullptr));
  QUANTUM_CHECK(MakeFolder(layout.Secrets(), service != nullptr ? 0710 : 0700, nullptr, service));
  for (const config::Unit& unit : manifest.units()) {
    if (unit.kind == config::Unit::Kind::kTask) {
      continue;
    }
    // A unit that stays root (nginx) makes files and folders in there as root; its workers only pass.
    const Account* owner = AccountOf(unit, accounts);
    const mode_t mode = owner == nullptr && service != nullptr ? 0755 : 0700;
    QUANTUM_CHECK(MakeFolder(layout.Data() + "/" + unit.name, mode, owner));
    QUANTUM_CHECK(MakeFolder(layout.Run() + "/" + unit.name, mode, owner));
    if (IsPostgresNode(unit)) {
      QUANTUM_CHECK(MakeFolder(layout.Data() + "/backup", 0700, owner));
    }
  }
  return {};
}

std::set<std::string> ProgramsOf(const config::Manifest& manifest) {
  std::set<std::string> programs{"quantum"};
  for (const config::Unit& unit : manifest.units()) {
    if (!unit.command.empty() && unit.command.front().starts_with(kBinPrefix)) {
      programs.insert(unit.command.front().substr(kBinPrefix.size()));
    }
  }
  return programs;
}

Status StagePrograms(const Layout& layout, const config::Manifest& manifest) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    return FileError("reading", "/proc/self/exe", error);
  }
  if (self.parent_path() == fs::path(layout.Bin())) {
    return {};  // started from the staged copy
  }
  for (const std::string& program : ProgramsOf(manifest)) {
    const std::string from = (self.parent_path() / program).string();
    if (!fs::exists(from, error)) {
      return Error{Errc::kNotFound,
                   fmt::format("the program {} is not built; build everything with ./quantum up", from)};
    }
    QUANTUM_CHECK(CopyIfNewer(from, layout.Bin() + "/" + program, 0755));
  }
  return {};
}

namespace {

// What becomes of one file of infra/.
struct Plan {
  fs::path relative;
  bool verbatim = false;  // scripts, SQL
};

// A file of root's, since root uses it (bootstrap.sh, nginx.conf); one with a secret can be read by `reader` too.
Status RenderFile(const Layout& layout, const std::string& infra, const Plan& plan, const Variables& variables,
                  const Account* reader) {
  const std::string from = infra + "/" + plan.relative.string();
  const std::string to = layout.Etc() + "/" + plan.relative.string();
  QUANTUM_TRY(std::string text, ReadFile(from));
  bool has_secret = false;
  if (!plan.verbatim) {
    auto rendered = Render(text, variables, from);
    if (!rendered.ok()) {
      return rendered.error();
    }
    text = std::move(rendered->text);
    has_secret = rendered->has_secret;
  }
  const bool script = plan.relative.extension() == ".sh";
  const mode_t mode = has_secret ? (reader != nullptr ? 0640 : 0600) : script ? 0755 : 0644;
  const FileOwner owner{.gid = has_secret && reader != nullptr ? reader->gid : ::getegid()};
  return WriteFileAtomically(to, text, mode, owner);
}

}  // namespace

Status RenderInfra(const Layout& layout, const std::string& infra, const Variables& variables,
                   const Accounts& accounts) {
  std::error_code error;
  fs::recursive_directory_iterator entries(infra, error);
  if (error) {
    return FileError("reading", infra, error);
  }
  for (const fs::directory_entry& entry : entries) {
    const fs::path relative = fs::relative(entry.path(), infra);
    const bool postgres = *relative.begin() == "postgres";
    const Account* reader = Find(accounts, postgres ? kPostgresUser : kServiceUser);
    if (*relative.begin() == "redis") {
      continue;  // per node and once: RenderRedis
    }
    if (IsOfPostgresNode(relative.string())) {
      continue;  // RenderPostgres
    }
    if (entry.is_directory()) {
      QUANTUM_CHECK(MakeFolder(layout.Etc() + "/" + relative.string(), 0755, nullptr));
      continue;
    }
    if (relative.filename() == "README.md") {
      continue;
    }
    const fs::path extension = relative.extension();
    QUANTUM_CHECK(RenderFile(layout, infra,
                             {.relative = relative, .verbatim = extension == ".sh" || extension == ".sql"}, variables,
                             reader));
  }
  return {};
}

std::vector<std::string> RecordingsOf(const std::string& source) {
  std::vector<std::string> files;
  std::string_view rest = source;
  if (!rest.starts_with(kRecording)) {
    return files;
  }
  rest.remove_prefix(kRecording.size());
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    files.emplace_back(name);
  }
  return files;
}

namespace {

std::string SourceOf(const std::vector<std::string>& files) {
  return fmt::format("{}{}", kRecording, fmt::join(files, ","));
}

}  // namespace

Result<std::string> FindRecordings(const std::string& source, const std::string& directory) {
  if (!source.starts_with(kRecording)) {
    return source;
  }
  std::vector<std::string> files = RecordingsOf(source);
  for (std::string& file : files) {
    file = (fs::path(directory) / file).lexically_normal().string();
    std::error_code error;
    if (!fs::is_regular_file(file, error)) {
      return Error{Errc::kNotFound, fmt::format("there is no recording {}", file)};
    }
  }
  if (files.empty()) {
    return Error{Errc::kInvalidArgument, "--market recording: needs at least one file: recording:FILE[,FILE]"};
  }
  return SourceOf(files);
}

Result<std::string> StageRecordings(const Layout& layout, const std::string& source) {
  if (!source.starts_with(kRecording)) {
    return source;
  }
  std::vector<std::string> copies;
  for (const std::string& file : RecordingsOf(source)) {
    copies.push_back(layout.Market() + "/" + fs::path(file).filename().string());
    std::error_code same;
    if (!fs::equivalent(file, copies.back(), same) || same) {
      QUANTUM_CHECK(CopyIfNewer(file, copies.back(), 0644));
    }
  }
  return SourceOf(copies);
}

}  // namespace quantum::operate
