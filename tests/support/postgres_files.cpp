#include "tests/support/postgres_files.h"

#include <pwd.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/support/checkout/checkout.h"

namespace quantum::testing::postgres_files {

namespace fs = std::filesystem;

fs::path Infra() { return fs::path(checkout::SourceDirectory()) / "infra/postgres"; }

void GiveTo(const fs::path& path) {
  if (::geteuid() == 0) {
    const passwd* const user = ::getpwnam(kUser);
    if (user == nullptr || ::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) {
      throw std::runtime_error("cannot give " + path.string() + " to the user postgres");
    }
  }
}

fs::path MakeDirectory(const fs::path& path) {
  fs::create_directory(path);
  fs::permissions(path, fs::perms::owner_all);
  GiveTo(path);
  return path;
}

void Render(const std::string& name, const fs::path& directory, const Variables& variables) {
  std::string text = ReadFile(Infra() / name);
  for (const auto& [variable, value] : variables) {
    const std::string place = "${" + variable + "}";
    for (size_t at = text.find(place); at != std::string::npos; at = text.find(place, at + value.size())) {
      text.replace(at, place.size(), value);
    }
  }
  const fs::path to = directory / fs::path(name).filename();
  WriteFile(to, text);
  GiveTo(to);
}

std::unique_ptr<Process> Serve(std::vector<std::string> command, const fs::path& output) {
  return std::make_unique<Process>(ProcessOptions{
      .command = std::move(command), .output = output, .user = kUser, .directory = "/", .environment = {}});
}

void Bootstrap(const std::string& task, const Variables& variables, const fs::path& output) {
  std::vector<std::string> environment;
  for (const auto& [variable, value] : variables) {
    environment.push_back(variable + "=" + value);
  }
  Process process({.command = {(Infra() / "bootstrap.sh").string(), task},
                   .output = output,
                   .user = {},
                   .directory = "/",
                   .environment = environment});
  if (!Eventually(std::chrono::seconds(90), [&] { return !process.Running(); }) || process.Stop().value_or(1) != 0) {
    throw std::runtime_error("bootstrap.sh " + task + " failed: " + ReadFile(output));
  }
}

}  // namespace quantum::testing::postgres_files
