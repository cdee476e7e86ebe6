#include <gtest/gtest.h>

#include "exchange/paper/engine/engine_fixture.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;
using EngineCutTest = EngineFixture;

TEST_F(EngineCutTest, AnOrderIsFilledInPartAndTheRestIsCancelledOnce) {
  engine.CutNext("0.5"_dec);
  const auto cut = engine.Place(Market(Side::kBuy, "0.007"_dec), kNow);
  ASSERT_TRUE(cut.ok()) << cut.error().message;
  EXPECT_EQ(cut->status, Execution::kCanceled);
  EXPECT_EQ(cut->filled, "0.003"_dec) << "whole steps";
  EXPECT_EQ(engine.account().symbol("BTCUSDT").position.quantity, "0.003"_dec);
  EXPECT_EQ(engine.Place(Market(Side::kBuy, "0.002"_dec), kNow)->status, Execution::kFilled) << "the next is its own";
}

TEST_F(EngineCutTest, WhatRestsIsCancelledUnfilledAndARefusedOrderTakesNoCut) {
  engine.CutNext("0.5"_dec);
  EXPECT_FALSE(engine.Place(Market(Side::kBuy, "0.0001"_dec), kNow).ok());
  const auto cut = engine.Place(Limit(Side::kBuy, "0.01"_dec, "59000"_dec), kNow);
  ASSERT_TRUE(cut.ok()) << cut.error().message;
  EXPECT_EQ(cut->status, Execution::kCanceled);
  EXPECT_TRUE(cut->filled.is_zero());
  EXPECT_TRUE(engine.account().open_orders().empty());
}

}  // namespace
}  // namespace quantum::paper
