#pragma once

#include <string>

#include "exchange/paper/engine/records.h"
#include "exchange/paper/protocol/parameters.h"

// The parameters that all kinds of orders have. What is wrong is a complaint of the Parameters.
namespace quantum::paper {

bool IsConditionalType(const std::string& type);
Side ReadSide(Parameters& parameters);
TimeInForce ReadTimeInForce(Parameters& parameters, bool mandatory);
SelfTradePrevention ReadSelfTradePrevention(Parameters& parameters);
// Empty when there is none: the exchange chooses.
std::string ReadClientId(Parameters& parameters, const char* name);
// One-way mode knows BOTH alone.
void CheckPositionSide(Parameters& parameters);

}  // namespace quantum::paper
