#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "operator/state/environment.h"
#include "operator/state/stage.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/process.h"

// nginx with the project's configuration. Nothing listens behind it but what a test puts there: a request that passes
// it is answered 502.
namespace quantum::operate {

struct Answer {
  int status = 0;
  std::string text;  // all of it
  std::string Body() const {
    const size_t end = text.find("\r\n\r\n");
    return end == std::string::npos ? "" : text.substr(end + 4);
  }
};

// Sends the bytes and reads until the other side closes.
inline Answer SendRaw(int port, const std::string& bytes) {
  const int file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  Answer answer;
  if (::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    ::send(file, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    char chunk[4096];
    for (ssize_t got = 0; (got = ::recv(file, chunk, sizeof(chunk), 0)) > 0;) {
      answer.text.append(chunk, static_cast<size_t>(got));
    }
  }
  ::close(file);
  if (answer.text.starts_with("HTTP/1.1 ")) {
    answer.status = std::atoi(answer.text.c_str() + 9);
  }
  return answer;
}

inline std::string Request(const std::string& method, const std::string& path, const std::string& headers = {}) {
  return fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{}\r\n", method, path, headers);
}

class Gateway : public ::testing::Test {
 protected:
  // What a test wants otherwise than it is: keys of the manifest, and one text of nginx.conf.
  struct Changes {
    std::vector<std::string> overrides = {};
    std::string text = {};
    std::string replacement = {};
  };
  Gateway() : Gateway(Changes{}) {}
  explicit Gateway(const Changes& changes) : directory_("gateway"), layout_{(directory_.path() / "s").string()} {
    std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755));
    const config::Manifest all = Load({});
    std::vector<std::string> overrides = changes.overrides;
    const std::vector<int> ports = quantum::testing::FreePorts(all.units().size());
    for (size_t i = 0; i < ports.size(); ++i) {
      if (all.units()[i].port != 0) {
        overrides.push_back(fmt::format("units.{}.port={}", all.units()[i].name, ports[i]));
      }
    }
    const config::Manifest manifest = Load(overrides);
    port_ = manifest.Port("gateway");
    marketdata_port_ = manifest.Port("marketdata");
    execution_port_ = manifest.Port("execution");
    standby_port_ = manifest.Port("execution-standby");
    Variables variables = PlainVariables(layout_, manifest);
    variables.plain["NGINX_USER_DIRECTIVE"] = ::geteuid() == 0 ? "user root;" : "";
    Check(PrepareFolders(layout_, manifest, {}));
    Check(RenderInfra(layout_, checkout::SourceDirectory() + "/infra", variables, {}));
    Change(layout_.Etc() + "/nginx/nginx.conf", changes);
    nginx_ = std::make_unique<quantum::testing::Process>(
        quantum::testing::ProcessOptions{.command = {"/usr/sbin/nginx", "-c", layout_.Etc() + "/nginx/nginx.conf", "-e",
                                                     layout_.Log() + "/gateway-error.log"},
                                         .output = directory_.path() / "output",
                                         .user = {},
                                         .directory = {},
                                         .environment = {"TZ=UTC"}});
    EXPECT_TRUE(quantum::testing::Eventually(std::chrono::seconds(20), [&] {
      return Get("/gateway/health").status == 200;
    })) << quantum::testing::ReadFile(directory_.path() / "output");
  }

  static config::Manifest Load(const std::vector<std::string>& overrides) {
    auto manifest = config::Manifest::Load(checkout::SourceDirectory() + "/quantum.yml", overrides);
    if (!manifest.ok()) {
      throw std::runtime_error(manifest.error().message);
    }
    return std::move(manifest).value();
  }

  static void Change(const std::string& path, const Changes& changes) {
    if (changes.text.empty()) {
      return;
    }
    std::string config = quantum::testing::ReadFile(path);
    const size_t at = config.find(changes.text);
    if (at == std::string::npos || config.find(changes.text, at + 1) != std::string::npos) {
      throw std::runtime_error(path + " does not say once: " + changes.text);
    }
    quantum::testing::WriteFile(path, config.replace(at, changes.text.size(), changes.replacement));
  }

  static void Check(const Status& status) {
    if (!status.ok()) {
      throw std::runtime_error(status.error().message);
    }
  }

  Answer Get(const std::string& path) { return SendRaw(port_, Request("GET", path)); }
  std::string AccessLog() { return quantum::testing::ReadFile(layout_.Log() + "/gateway-access.log"); }

  quantum::testing::TemporaryDirectory directory_;
  Layout layout_;
  int port_ = 0;
  int marketdata_port_ = 0;  // nobody listens there, nor at the next two
  int execution_port_ = 0;
  int standby_port_ = 0;
  std::unique_ptr<quantum::testing::Process> nginx_;
};

}  // namespace quantum::operate
