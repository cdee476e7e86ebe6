#include "bench/bus/nats_cluster.h"

namespace quantum::bench {

struct NatsCluster::Impl {};

bool NatsCluster::Available() { return false; }
NatsCluster::NatsCluster() = default;
NatsCluster::~NatsCluster() = default;
std::vector<int> NatsCluster::pids() const { return {}; }
double NatsCluster::PublishRate(const Load&, size_t, double) { return 0; }

}  // namespace quantum::bench
