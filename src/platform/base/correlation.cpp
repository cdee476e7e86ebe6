#include "platform/base/correlation.h"

#include <utility>

namespace quantum {
namespace {

thread_local std::string current_id;

}  // namespace

const std::string& CurrentCorrelationId() { return current_id; }

CorrelationScope::CorrelationScope(std::string id) : previous_(std::exchange(current_id, std::move(id))) {}
CorrelationScope::~CorrelationScope() { current_id = std::move(previous_); }

std::string detail::ExchangeCorrelationId(std::string id) { return std::exchange(current_id, std::move(id)); }

}  // namespace quantum
