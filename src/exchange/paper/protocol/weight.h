#pragma once

#include "exchange/paper/protocol/parameters.h"

// What a request weighs against the limit of its address (X-MBX-USED-WEIGHT-1M), as its page at developers.binance.com
// says (USD-M futures, mid 2026). The connector has numbers of its own (binance/weights.h), so that a test can hold one
// against the other (binance/limits_test.cpp).
namespace quantum::paper {

class Weight {
 public:
  using Rule = int (*)(const Parameters&);
  constexpr Weight(int fixed) : fixed_(fixed) {}  // NOLINT(google-explicit-constructor): so that tables read well
  constexpr Weight(Rule rule) : rule_(rule) {}    // NOLINT(google-explicit-constructor)

  int Of(const Parameters& parameters) const { return rule_ == nullptr ? fixed_ : rule_(parameters); }

 private:
  int fixed_ = 0;
  Rule rule_ = nullptr;
};

// By whether a symbol was asked for, or all of them.
template <int kOne, int kAll>
int OneOrAll(const Parameters& parameters) {
  return parameters.Has("symbol") ? kOne : kAll;
}
int DepthWeight(const Parameters& parameters);
int KlinesWeight(const Parameters& parameters);

}  // namespace quantum::paper
