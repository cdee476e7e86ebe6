#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "exchange/paper/engine/engine.h"

// The account as Binance's futures answers and user data stream spell it. Heavy to include: for .cpp files.
namespace quantum::paper {

boost::json::object EncodeOrder(const PaperOrder& order);
boost::json::object EncodeAlgo(const AlgoOrder& order);
boost::json::object EncodeFill(const PaperFill& fill);
// One event may be several messages (a fill is TRADE_LITE as well).
std::vector<std::string> EncodeEvent(const EngineEvent& event, int64_t now_ms);
// "0.00" when there is no average yet.
std::string AveragePrice(Decimal average);

}  // namespace quantum::paper
