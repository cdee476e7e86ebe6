#include "operator/supervisor/local_fleet.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <optional>

#include "operator/supervisor/record.h"

namespace quantum::operate {

namespace json = boost::json;

namespace {

Error NotRunning(const Layout& layout) {
  return Error{Errc::kUnavailable, fmt::format("the platform does not run in {}; start it with ./quantum up{}",
                                               layout.root, HintOfRoot(layout))};
}

class Connection {
 public:
  Connection() : file_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Connection() { ::close(file_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool Open(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (file_ < 0 || path.size() >= sizeof(address.sun_path)) {
      errno = ENAMETOOLONG;
      return false;
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return ::connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }

  bool Send(const std::string& text) {
    return ::send(file_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }

  // Nothing: the other side has closed, or `interrupted` said so.
  std::optional<std::string> ReadLine(const std::function<bool()>& interrupted) {
    const timeval patience{.tv_sec = 0, .tv_usec = 200'000};
    ::setsockopt(file_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    while (!interrupted || !interrupted()) {
      if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      char chunk[4096];
      const ssize_t got = ::recv(file_, chunk, sizeof(chunk), 0);
      if (got > 0) {
        buffer_.append(chunk, static_cast<size_t>(got));
      } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

 private:
  int file_;
  std::string buffer_;
};

}  // namespace

bool LocalFleet::Running() const {
  Connection connection;
  return connection.Open(layout_.Socket());
}

Result<std::vector<UnitStatus>> LocalFleet::List() {
  QUANTUM_CHECK(Ask("list", {}, {}));
  return units_;
}

Status LocalFleet::Ask(const std::string& op, const std::string& unit, const OnChange& on_change) {
  refusal_.reset();
  Connection connection;
  if (!connection.Open(layout_.Socket())) {
    if (errno == EACCES) {
      return Error{Errc::kPermission,
                   fmt::format("the platform in {} belongs to another user; use sudo", layout_.root)};
    }
    return NotRunning(layout_);
  }
  json::object request{{"op", op}};
  if (!unit.empty()) {
    request["unit"] = unit;
  }
  if (!connection.Send(json::serialize(request) + "\n")) {
    return NotRunning(layout_);
  }
  while (auto line = connection.ReadLine(interrupted_)) {
    boost::system::error_code error;
    const json::value answer = json::parse(*line, error);
    if (error || !answer.is_object()) {
      return Error{Errc::kInternal, "the supervisor's answer is not JSON"};
    }
    const json::object& object = answer.as_object();
    if (const json::value* changed = object.if_contains("unit")) {
      if (auto status = StatusFromJson(json::serialize(*changed)); status.ok() && on_change) {
        on_change(status.value());
      }
      continue;
    }
    units_.clear();
    if (const json::value* units = object.if_contains("units"); units != nullptr && units->is_array()) {
      for (const json::value& each : units->as_array()) {
        QUANTUM_TRY(UnitStatus status, StatusFromJson(json::serialize(each)));
        units_.push_back(std::move(status));
      }
    }
    const auto is_true = [&](const char* key) {
      const json::value* value = object.if_contains(key);
      return value != nullptr && value->is_bool() && value->as_bool();
    };
    if (is_true("ok")) {
      return {};
    }
    const auto text = [&](const char* key) {
      const json::value* value = object.if_contains(key);
      return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
    };
    refusal_ = Refusal{.unit = text("cause"),
                       .what = text("error"),
                       .last_words = text("last_words"),
                       .stopped = is_true("stopped"),
                       .disk_full = is_true("disk_full")};
    return Error{Errc::kInternal, refusal_->unit.empty() ? refusal_->what : refusal_->unit + " " + refusal_->what};
  }
  if (interrupted_ && interrupted_()) {
    return Error{Errc::kCancelled, "interrupted"};
  }
  return Error{Errc::kUnavailable, fmt::format("the supervisor went away; see {}", layout_.UnitOutput("supervisor"))};
}

}  // namespace quantum::operate
