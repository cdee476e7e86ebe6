#include "trading/account_report.h"

#include <gtest/gtest.h>

namespace quantum::trading {
namespace {

TEST(AccountReport, IsReadWithItsPartsOfOneMoment) {
  const AccountReport report =
      ParseAccountReport(R"({"wallet_balance":"10000.5","available_balance":"9000",)"
                         R"("unrealized_pnl":"-12.25","mode":"PAPER","as_of_ms":15,"time_ms":17})")
          .value();
  EXPECT_EQ(report.equity(), "9988.25"_dec);
  EXPECT_EQ(report.available_balance, "9000"_dec);
  EXPECT_EQ(report.time_ms, 17);
  EXPECT_EQ(report.as_of_ms, 15);
}

TEST(AccountReport, WithAMissingOrMalformedPartIsAnErrorThatNamesIt) {
  const auto complaint = [](std::string_view json) { return ParseAccountReport(json).error().message; };
  EXPECT_EQ(complaint(R"({"available_balance":"1","unrealized_pnl":"0"})"),
            "field 'account.wallet_balance' is missing");
  EXPECT_EQ(complaint(R"({"wallet_balance":"1","available_balance":"1","unrealized_pnl":0})"),
            "field 'account.unrealized_pnl' must be a decimal string, never a float");
  EXPECT_EQ(complaint(R"({"wallet_balance":"a lot","available_balance":"1","unrealized_pnl":"0"})")
                .find("field 'account.wallet_balance'"),
            0u);
  EXPECT_EQ(complaint("[]"), "execution's account is not a JSON object");
  EXPECT_EQ(complaint("{"), "execution's account is not a JSON object");
}

}  // namespace
}  // namespace quantum::trading
