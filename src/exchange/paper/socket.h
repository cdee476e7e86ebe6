#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "exchange/paper/exchange.h"
#include "platform/fiber/fiber.h"
#include "platform/http/server.h"

namespace quantum::paper {

// Serves one WebSocket connection on the server's loop; the hub lives on the exchange's loop. A subscriber that reads
// too slowly is dropped: its box holds so many messages, as Binance would not wait for it either.
inline constexpr size_t kBoxMessagesMax = 20'000;

void ServeWebSocket(Exchange& exchange, fiber::Loop& exchange_loop, const http::Request& request,
                    http::WebSocketSession& session);

}  // namespace quantum::paper
