#include "platform/lifecycle/bus_health.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace quantum::lifecycle {
namespace {

using namespace std::chrono_literals;

TEST(BusHealth, AnOutboxThatWaitsForLongSaysSinceWhenAndWhy) {
  bus::Bus::Health health{.outbox_pending = 12, .oldest_waiting = kOutboxWaitMax};
  EXPECT_FALSE(OutboxWaits(health)) << "as long as a failover may take";
  health.oldest_waiting += 5s;
  health.trouble = "QUOTA the stream takes 90 of 80 MB; group execution-service lags by 7000 events";
  EXPECT_EQ(OutboxWaits(health).value_or(""),
            "12 events wait for the broker, the oldest for 15 s: QUOTA the stream takes 90 of 80 MB; "
            "group execution-service lags by 7000 events");
}

TEST(BusHealth, DetailsTellOfTheOutboxAndWhoReads) {
  bus::Bus::Health health{.outbox_pending = 3, .oldest_waiting = 2500ms};
  health.readers = {{.group = "execution-service", .family = "risk", .active = false, .process = "execution-\"2\""}};
  const auto details = boost::json::parse(BusDetails(health));
  EXPECT_EQ(details.at("outbox_pending").to_number<int>(), 3);
  EXPECT_EQ(details.at("outbox_oldest_seconds").to_number<int>(), 2);
  EXPECT_FALSE(details.at_pointer("/readers/0/active").as_bool());
  EXPECT_EQ(details.at_pointer("/readers/0/process").as_string(), "execution-\"2\"");
}

}  // namespace
}  // namespace quantum::lifecycle
