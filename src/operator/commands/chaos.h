#pragma once

namespace CLI {
class App;
}

namespace quantum::operate {

struct Context;

void AddChaos(CLI::App& app, Context& context);  // chaos bus, and the hidden chaos-worker

}  // namespace quantum::operate
