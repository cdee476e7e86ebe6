#include "operator/chaos/postgres/postgres_faults.h"

#include <algorithm>
#include <csignal>

#include "operator/chaos/wait.h"

namespace quantum::operate::chaos {

namespace {

using namespace std::chrono_literals;
using Told = const std::function<void()>&;

constexpr Duration kAway = 10s;      // longer than a lease, and than wal_sender_timeout
constexpr Duration kEtcdAway = 20s;  // longer than two leases
constexpr Duration kDiskFull = 25s;  // longer than archive_timeout: a new segment of the log is wanted
constexpr Duration kAsynchronousMax = 30s;
constexpr Duration kLinger = 3s;  // what follows goes on under load for a while

size_t OtherThan(size_t node) { return Platform::kNodes - 1 - node; }

Status KillPostgres(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  QUANTUM_CHECK(platform.KillPostgres(primary));
  struck();
  return {};
}

Status KillPatroni(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  QUANTUM_CHECK(platform.KillUnit(platform.NameOf(primary)));
  struck();
  return {};
}

Status FreezePrimary(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  QUANTUM_CHECK(platform.Freeze(primary));
  struck();
  const auto other = platform.AwaitOtherPrimary(primary);
  fiber::SleepFor(kLinger);
  QUANTUM_CHECK(platform.Thaw(primary));
  return other.ok() ? Status() : Status(other.error());
}

Status LosePrimary(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  QUANTUM_CHECK(platform.Lose(platform.NameOf(primary)));
  struck();
  QUANTUM_TRY([[maybe_unused]] const size_t other, platform.AwaitOtherPrimary(primary));
  fiber::SleepFor(kLinger);
  return platform.BringBack(platform.NameOf(primary));
}

Status LoseStandby(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  const std::string standby = platform.NameOf(OtherThan(primary));
  QUANTUM_CHECK(platform.Lose(standby));
  struck();
  fiber::SleepFor(kAway);
  return platform.BringBack(standby);
}

Status FreezeStandby(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  QUANTUM_CHECK(platform.Freeze(OtherThan(primary)));
  struck();
  fiber::SleepFor(kAway);
  QUANTUM_CHECK(platform.Thaw(OtherThan(primary)));
  return {};
}

Status StandbyBehind(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  QUANTUM_CHECK(platform.SignalReceiver(OtherThan(primary), SIGSTOP));
  struck();
  fiber::SleepFor(kAway);
  return platform.SignalReceiver(OtherThan(primary), SIGCONT);
}

// What is committed by then is on the primary alone: the standby must not take its place.
Status StandbyBehindAndKill(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  const size_t standby = OtherThan(primary);
  QUANTUM_CHECK(platform.SignalReceiver(standby, SIGSTOP));
  struck();
  const bool alone = Eventually(kAsynchronousMax, [&] { return !platform.Look().synchronous; });
  fiber::SleepFor(kLinger);
  const Status killed = platform.KillPostgres(primary);
  static_cast<void>(platform.SignalReceiver(standby, SIGCONT));  // it may have gone with the primary's end
  QUANTUM_CHECK(killed);
  QUANTUM_TRY([[maybe_unused]] const size_t now, platform.AwaitPrimary());
  return alone ? Status() : Error{Errc::kTimeout, "the primary went on to wait for a standby that was stopped"};
}

Status LoseEtcd(Platform& platform, Told struck) {
  QUANTUM_CHECK(platform.Lose("etcd"));
  struck();
  fiber::SleepFor(kEtcdAway);
  return platform.BringBack("etcd");
}

Status KillPgBouncer(Platform& platform, Told struck) {
  QUANTUM_CHECK(platform.KillUnit("pgbouncer"));
  struck();
  return {};
}

Status KillHaproxy(Platform& platform, Told struck) {
  QUANTUM_CHECK(platform.KillUnit("haproxy"));
  struck();
  return {};
}

Status DropPackets(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  QUANTUM_CHECK(platform.DropPackets(primary, true));
  struck();
  fiber::SleepFor(kAway);
  return platform.DropPackets(primary, false);
}

Status FullDisk(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  QUANTUM_CHECK(platform.FillDisk(primary));
  struck();
  Eventually(kDiskFull, [&] { return platform.Look().nodes.at(OtherThan(primary)).primary; });
  fiber::SleepFor(kLinger);
  return platform.EmptyDisk(primary);
}

// The other one is alone by then, and comes back on what it has.
Status TwoFailures(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  QUANTUM_CHECK(platform.Lose(platform.NameOf(primary)));
  struck();
  QUANTUM_TRY(const size_t other, platform.AwaitOtherPrimary(primary));
  QUANTUM_CHECK(platform.KillPostgres(other));
  QUANTUM_TRY([[maybe_unused]] const size_t back, platform.AwaitPrimary());
  fiber::SleepFor(kLinger);
  return platform.BringBack(platform.NameOf(primary));
}

Status Switchover(Platform& platform, Told struck) {
  QUANTUM_CHECK(platform.AwaitHealthy(kAsynchronousMax));
  struck();
  return platform.SwitchOver();
}

Status Everything(Platform& platform, Told struck) {
  Status killed;
  const auto kill = [&](const Status& status) { killed = killed.ok() ? status : killed; };
  for (size_t node = 0; node < Platform::kNodes; ++node) {
    kill(platform.KillNode(node));
  }
  for (const char* unit : {"etcd", "haproxy", "pgbouncer"}) {
    kill(platform.KillUnit(unit));
  }
  struck();
  return killed;
}

Status AsynchronousAndCutOff(Platform& platform, Told struck) {
  QUANTUM_TRY(const size_t primary, platform.AwaitPrimary());
  QUANTUM_CHECK(platform.Configure(primary, R"({"synchronous_mode": false})"));
  if (!Eventually(kAsynchronousMax, [&] { return !platform.Look().synchronous; })) {
    return Error{Errc::kTimeout, "Patroni does not end the synchronous mode"};
  }
  QUANTUM_CHECK(platform.SignalReceiver(OtherThan(primary), SIGSTOP));
  struck();
  fiber::SleepFor(kLinger);  // committed, and acknowledged, by the primary alone
  QUANTUM_CHECK(platform.Lose(platform.NameOf(primary)));
  // What waits in its socket goes with it.
  QUANTUM_CHECK(platform.SignalReceiver(OtherThan(primary), SIGKILL));
  QUANTUM_TRY(const size_t other, platform.AwaitOtherPrimary(primary));
  QUANTUM_CHECK(platform.Configure(other, R"({"synchronous_mode": true})"));
  return platform.BringBack(platform.NameOf(primary));
}

}  // namespace

const PostgresFault kAsynchronousAndCutOff{
    .name = "control", .what = "asynchronous, cut off, and lost", .strike = AsynchronousAndCutOff};

const std::vector<PostgresFault>& PostgresFaults() {
  static const std::vector<PostgresFault> faults{
      {.name = "kill-postgres", .what = "SIGKILL to the primary's server; Patroni lives", .strike = KillPostgres},
      {.name = "kill-patroni", .what = "SIGKILL to the primary's Patroni alone", .strike = KillPatroni},
      {.name = "freeze-primary", .what = "its node stands still until the other is primary", .strike = FreezePrimary},
      {.name = "lose-primary", .what = "its node is gone until the other is primary", .strike = LosePrimary},
      {.name = "lose-standby", .what = "its node is gone for 10 s", .strike = LoseStandby},
      {.name = "freeze-standby", .what = "its node stands still for 10 s", .strike = FreezeStandby},
      {.name = "standby-behind", .what = "the standby receives no log for 10 s", .strike = StandbyBehind},
      {.name = "behind-and-kill",
       .what = "the standby is behind, then the primary's server is killed",
       .strike = StandbyBehindAndKill},
      {.name = "lose-etcd", .what = "etcd is gone for 20 s", .strike = LoseEtcd},
      {.name = "kill-pgbouncer", .what = "SIGKILL", .strike = KillPgBouncer},
      {.name = "kill-haproxy", .what = "SIGKILL", .strike = KillHaproxy},
      {.name = "drop-packets",
       .what = "iptables drops what goes to the primary's port for 10 s",
       .needs_machine = true,
       .strike = DropPackets},
      {.name = "full-disk", .what = "the primary's disk is full", .needs_machine = true, .strike = FullDisk},
      {.name = "two-failures",
       .what = "the primary's node is gone, and the new primary's server is killed",
       .strike = TwoFailures},
      {.name = "switchover", .what = "planned, without a pause", .strike = Switchover},
      {.name = "everything", .what = "SIGKILL to all of it at once", .strike = Everything}};
  return faults;
}

}  // namespace quantum::operate::chaos
