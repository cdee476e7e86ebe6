#include "platform/config/port_holder.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace quantum::config {
namespace {

TEST(PortHolder, NamesTheProcessThatListensAndNobodyWhenNoneDoes) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(listener, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  socklen_t length = sizeof(address);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const int port = ntohs(address.sin_port);
  EXPECT_EQ(PortHolder(port), fmt::format("platform_config (pid {})", getpid()));  // comm holds 15 characters
  close(listener);
  EXPECT_EQ(PortHolder(port), "");
}

}  // namespace
}  // namespace quantum::config
