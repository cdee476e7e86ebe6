#include "trading/order.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

namespace quantum::trading {
namespace {

constexpr std::array<std::pair<OrderStatus, std::string_view>, 9> kStatuses{
    {{OrderStatus::kIntent, "INTENT"},
     {OrderStatus::kUnknown, "UNKNOWN"},
     {OrderStatus::kNew, "NEW"},
     {OrderStatus::kPartiallyFilled, "PARTIALLY_FILLED"},
     {OrderStatus::kFilled, "FILLED"},
     {OrderStatus::kCanceled, "CANCELED"},
     {OrderStatus::kExpired, "EXPIRED"},
     {OrderStatus::kRejected, "REJECTED"},
     {OrderStatus::kTriggered, "TRIGGERED"}}};

// How far along an order is; reports that would go back are older than what is known.
int Progress(OrderStatus status) {
  switch (status) {
    case OrderStatus::kIntent:
      return 0;
    case OrderStatus::kUnknown:
      return 1;
    case OrderStatus::kNew:
      return 2;
    case OrderStatus::kPartiallyFilled:
      return 3;
    case OrderStatus::kFilled:
    case OrderStatus::kCanceled:
    case OrderStatus::kExpired:
    case OrderStatus::kRejected:
    case OrderStatus::kTriggered:
      return 4;
  }
  AssertionFailed("every status has its progress", __FILE__, __LINE__);
}

// Five bits a character, alphabet without vowels that could spell words; 26 characters hold 128 bits.
std::string Base32(const unsigned char* bytes, size_t count) {
  static constexpr std::string_view kAlphabet = "0123456789bcdfghjkmnpqrstvwxyzBC";
  std::string text;
  text.reserve(count * 8 / 5 + 1);
  unsigned buffer = 0;
  int bits = 0;
  for (size_t i = 0; i < count; ++i) {
    buffer = (buffer << 8) | bytes[i];
    for (bits += 8; bits >= 5; bits -= 5) {
      text += kAlphabet[(buffer >> (bits - 5)) & 31];
    }
  }
  if (bits > 0) {
    text += kAlphabet[(buffer << (5 - bits)) & 31];
  }
  return text;
}

char LegLetter(Leg leg) {
  switch (leg) {
    case Leg::kEntry:
      return 'E';
    case Leg::kStopLoss:
      return 'S';
    case Leg::kTakeProfit:
      return 'T';
    case Leg::kTrailingStop:
      return 'R';
    case Leg::kClose:
      return 'C';
  }
  AssertionFailed("every leg has its letter", __FILE__, __LINE__);
}

}  // namespace

std::string_view ToString(OrderStatus status) {
  for (const auto& [candidate, name] : kStatuses) {
    if (candidate == status) {
      return name;
    }
  }
  AssertionFailed("every status has a name", __FILE__, __LINE__);
}

Result<OrderStatus> ParseOrderStatus(std::string_view text) {
  for (const auto& [status, name] : kStatuses) {
    if (name == text) {
      return status;
    }
  }
  return Error{Errc::kInvalidArgument, "'" + std::string(text.substr(0, 40)) + "' is not an order status"};
}

Result<Change> Apply(Order& order, const OrderReport& report) {
  if (report.client_order_id != order.client_order_id || report.symbol != order.symbol) {
    return Error{Errc::kInvalidArgument, "report for " + report.client_order_id + " " + report.symbol +
                                             " applied to order " + order.client_order_id + " " + order.symbol};
  }
  if (report.filled_quantity > order.quantity || report.filled_quantity.is_negative()) {
    return Error{Errc::kInvalidArgument, "order " + order.client_order_id + ": reported fill of " +
                                             report.filled_quantity.ToString() + " is outside its quantity " +
                                             order.quantity.ToString()};
  }
  if (report.status == OrderStatus::kIntent || report.status == OrderStatus::kUnknown) {
    return Error{Errc::kInvalidArgument, "order " + order.client_order_id + ": no exchange reports the status " +
                                             std::string(ToString(report.status))};
  }
  if (report.status == OrderStatus::kFilled && report.filled_quantity != order.quantity) {
    return Error{Errc::kInvalidArgument, "order " + order.client_order_id + ": reported as FILLED with " +
                                             report.filled_quantity.ToString() + " of " + order.quantity.ToString()};
  }
  const bool grew = report.filled_quantity > order.filled_quantity;
  const bool advanced = !IsFinal(order.status) && Progress(report.status) > Progress(order.status);
  if (order.exchange_order_id.empty()) {
    order.exchange_order_id = report.exchange_order_id;
  }
  if (!grew && !advanced) {
    return Change::kNone;
  }
  if (grew) {
    order.filled_quantity = report.filled_quantity;
    order.average_price = report.average_price;
  }
  if (advanced) {
    order.status = report.status;
  }
  if (grew && order.filled_quantity == order.quantity) {
    order.status = OrderStatus::kFilled;  // the fill that raced a cancel and won
  }
  order.updated = std::max(order.updated, report.time);
  ++order.version;
  return grew ? Change::kFill : Change::kStatus;
}

std::string ClientOrderId(std::string_view decision_id, Leg leg, int part) {
  QUANTUM_ASSERT(part >= 0 && part < 100);
  std::string text;
  text.reserve(decision_id.size() + 20);  // the longest leg has 13 letters
  text.append(decision_id).append("|").append(ToString(leg)).append("|").append(std::to_string(part));
  // Found once: that takes longer than the hash.
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  const int made = EVP_Digest(text.data(), text.size(), digest.data(), nullptr, kSha256, nullptr);
  QUANTUM_ASSERT(made == 1);
  return "qt-" + Base32(digest.data(), 16) + LegLetter(leg);
}

}  // namespace quantum::trading
