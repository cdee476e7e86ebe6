// A unit for the supervisor's tests: answers every HTTP request on a loopback port with 200 after a start-up delay.
//   toy-server PORT [DELAY_MS [AWAY]]
// It listens on the address in TOY_ADDRESS where there is one. While the file AWAY exists, a dependency is away:
// /health/ready is answered 503 with the reason. SIGTERM ends it with code 0.

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

int Listen(int port) {
  const char* const given = std::getenv("TOY_ADDRESS");
  const std::string node = given != nullptr ? given : "127.0.0.1";
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* address = nullptr;
  if (::getaddrinfo(node.c_str(), std::to_string(port).c_str(), &hints, &address) != 0) {
    return -1;
  }
  const int listener = ::socket(address->ai_family, SOCK_STREAM, 0);
  const int yes = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  const bool listens = ::bind(listener, address->ai_addr, address->ai_addrlen) == 0 && ::listen(listener, 16) == 0;
  ::freeaddrinfo(address);
  return listens ? listener : -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    return 2;
  }
  std::signal(SIGTERM, [](int) { ::_exit(0); });
  std::printf("toy server, pid %d\n", ::getpid());
  std::fflush(stdout);
  if (argc > 2) {
    ::usleep(static_cast<useconds_t>(std::atoi(argv[2])) * 1000);
  }
  const int listener = Listen(std::atoi(argv[1]));
  if (listener < 0) {
    std::perror("toy server");
    return 1;
  }
  while (true) {
    const int peer = ::accept(listener, nullptr, nullptr);
    if (peer < 0) {
      continue;
    }
    char request[2048] = {};
    if (::read(peer, request, sizeof(request) - 1) > 0) {
      const bool away = argc > 3 && ::access(argv[3], F_OK) == 0;
      const char* answer = away && std::strstr(request, "GET /health/ready") != nullptr
                               ? "HTTP/1.1 503 Away\r\nConnection: close\r\n\r\n"
                                 "{\"detail\":\"waits: WRONGPASS invalid username-password pair\"}"
                               : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      [[maybe_unused]] const ssize_t written = ::write(peer, answer, std::strlen(answer));
    }
    ::close(peer);
  }
}
