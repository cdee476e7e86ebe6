#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

// What a trace says of refusals: those that its events tell, and those that the services recorded, which are there
// without an event too, and longer.
namespace quantum::operate {

// Each once, in the order of time. `trace`: monitoring's answer, or null; `recorded`: the answers of risk-safety and
// execution, {"items": […]}, null where one did not answer.
boost::json::array CollectRefusals(const boost::json::value& trace, const std::vector<boost::json::value>& recorded);

// "execution-service: BTCUSDT d-1: DECISION_EXPIRED (expired_at=5 now=6): it came after its time."
std::string Explain(const boost::json::value& refusal);

}  // namespace quantum::operate
