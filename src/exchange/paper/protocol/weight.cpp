#include "exchange/paper/protocol/weight.h"

namespace quantum::paper {
namespace {

// Read from a copy: what is wrong with it is the handler's to complain of.
int64_t Limit(Parameters parameters) { return parameters.MaybeInt("limit").value_or(500); }

}  // namespace

int DepthWeight(const Parameters& parameters) {
  const int64_t limit = Limit(parameters);
  return limit <= 50 ? 2 : limit <= 100 ? 5 : limit <= 500 ? 10 : 20;
}

int KlinesWeight(const Parameters& parameters) {
  const int64_t limit = Limit(parameters);
  return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10;
}

}  // namespace quantum::paper
