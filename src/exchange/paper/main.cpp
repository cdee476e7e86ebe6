// quantum-paper-exchange: an exchange that speaks Binance's USD-M futures protocol over a replayed or synthetic market.
#include "exchange/paper/component.h"
#include "platform/lifecycle/service.h"

int main(int argc, char** argv) {
  return quantum::lifecycle::Main(
      argc, argv,
      {.name = "paper-exchange",
       .unit = "paper-exchange",
       .api_prefix = "paper",
       .redis = false,
       .exchange_protocol = true},
      [](quantum::lifecycle::Service& service) { return std::make_unique<quantum::paper::PaperExchange>(service); });
}
