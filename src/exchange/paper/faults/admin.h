#pragma once

#include <functional>
#include <string>

#include "exchange/paper/exchange.h"
#include "platform/http/server.h"

namespace quantum::paper {

// The interface by which the exchange's faults are set, on a port of its own: never on those where it speaks Binance's
// protocol. Every request asks for the token. Runs on the exchange's loop.
//
//   POST   /faults         a fault (fault.h); answers 201 {"id": 7}
//   GET    /faults         the registry, and what is and was in force
//   DELETE /faults[/{id}]  all, or one
class FaultAdmin {
 public:
  // `exchange` outlives it.
  FaultAdmin(Exchange& exchange, fiber::Loop& exchange_loop, int port, std::string token);

  // kConflict: the port is in use.
  Status Start() { return server_.Start(); }

 private:
  http::Response Add(const http::Request& request);
  http::Response Remove(const http::Request& request);

  Exchange& exchange_;
  http::Server server_;
};

}  // namespace quantum::paper
