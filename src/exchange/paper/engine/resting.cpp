#include "exchange/paper/engine/resting.h"

#include <iterator>

namespace quantum::paper {

RestingOrders::Key RestingOrders::KeyOf(const PaperOrder& order) {
  return {order.side == Side::kBuy ? -order.price.raw() : order.price.raw(), order.priority};
}

void RestingOrders::Add(const PaperOrder& order, std::optional<Decimal> others_ahead) {
  Of(order.side)[KeyOf(order)] = {order.order_id, order.price, others_ahead};
}

const RestingOrders::Entry* RestingOrders::Find(const PaperOrder& order) const {
  const Queue& queue = Of(order.side);
  const auto found = queue.find(KeyOf(order));
  return found == queue.end() ? nullptr : &found->second;
}

const RestingOrders::Entry* RestingOrders::Before(Side side, const Key& key) const {
  const Queue& queue = Of(side);
  const auto at = queue.lower_bound(key);
  if (at == queue.begin()) {
    return nullptr;
  }
  const auto before = std::prev(at);
  return before->first.first == key.first ? &before->second : nullptr;
}

}  // namespace quantum::paper
