#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "platform/bus/journal/record.h"
#include "platform/bus/journal/storage.h"
#include "platform/bus/outbox.h"

namespace quantum::bus::journal {

struct Options {
  std::string producer;
  size_t events_max = 100'000;  // that may wait for the broker
  // Of all segments on disk. Beyond it a family is refused that has more than its equal share, so that one whose events
  // cannot leave does not stop the others; all in all it is less than twice as much.
  uint64_t bytes_max = 256u << 20;
  uint64_t segment_bytes = 8u << 20;  // a segment is deleted as a whole, once all in it is retired
};

// The outbox on disk: a journal of segments, appended in groups. What this machine of states decides, a shell carries
// out: it takes a Job, runs it against the storage and reports how it went (writer.h). Events may be sent before they
// are on disk, but Publish answers only once `durable` covers them.
//
// A write that fails (full disk) is tried again at the same place. A sync that fails leaves the file in doubt, for the
// kernel may have thrown the pages away: that segment is given up and what it held since the last sync is written to a
// new one.
//
// Each life of the process writes segments of its own, under an incarnation of its own, and one for each family of
// events: a stream whose publishers must wait keeps only its own segments on the disk. Those of earlier lives keep
// theirs, are only read, and are deleted once the broker has had their events for a while.
class Journal final : public Outbox {
 public:
  // Reads what earlier lives left. What they knew to be confirmed waits for the sender to ask the broker; `wall` tells
  // what was confirmed so long ago that the broker has forgotten its numbers: that is dropped.
  static Result<std::unique_ptr<Journal>> Open(Storage& storage, Options options, std::string incarnation,
                                               SteadyTime now, WallTime wall);

  struct Job {
    std::string file;  // empty: nothing to write
    uint64_t offset = 0;
    std::string bytes;
    bool sync = false;
    std::vector<std::string> remove;
    std::vector<std::string> set_aside;  // damaged ones: renamed to NAME.damaged
  };
  struct Outcome {
    Status written;
    Status synced;
  };
  // What is to be done on disk now, for the family whose turn it is; nothing if there is nothing. One job at a time:
  // Finish comes before the next. A job that failed is the next one again.
  std::optional<Job> Next(SteadyTime now, WallTime wall);
  // buffer: the job's bytes, whose memory the next job then uses.
  void Finish(const Outcome& outcome, std::string buffer = {});

  // What this life appended to the lane survives process and machine up to this sequence. 0 for lanes of earlier lives:
  // what they left was read, and nobody waits for it.
  uint64_t durable(size_t lane) const;
  const std::string& trouble() const { return trouble_; }  // why the last job failed; empty when it did not
  const std::vector<std::string>& damaged() const { return damaged_; }  // segments found with broken records inside
  uint64_t bytes() const { return bytes_; }                             // on disk

  Result<Ticket> Append(Event event) override;
  size_t lanes() const override { return queues_.size(); }
  const Lane& lane(size_t lane) const override { return queues_.lane(lane); }
  uint64_t last(size_t lane) const override { return queues_.last(lane); }
  uint64_t confirmed(size_t lane) const override { return queues_.confirmed(lane); }
  std::vector<EventPtr> Read(size_t lane, uint64_t after, size_t events_max) const override {
    return queues_.Read(lane, after, events_max);
  }
  void Confirm(size_t lane, uint64_t sequence, SteadyTime now) override;
  void Reopen(size_t lane, uint64_t sequence) override { queues_.Reopen(lane, sequence); }
  size_t Retire(SteadyTime now) override { return queues_.Retire(now); }
  size_t pending() const override { return queues_.pending(); }
  size_t retained() const override { return queues_.retained(); }

 private:
  struct SegmentFile {
    std::string name;
    std::string family;  // empty: several, written by an earlier version
    uint64_t bytes = 0;
    bool damaged = false;
    std::map<size_t, uint64_t> last;  // by lane: the last sequence in it
  };
  using Bodies = std::vector<std::string>;  // of records, in order
  // The end of one family's journal.
  struct Tail {
    std::optional<size_t> lane;  // of this life
    std::optional<SegmentFile> current;
    Header header;  // of the current one
    bool give_up_current = false;
    Bodies unsealed;                        // appended, not handed to a job yet
    std::optional<uint64_t> unsealed_last;  // sequence; nothing while there are only notes
    uint64_t unsealed_bytes = 0;
    uint64_t bytes = 0;  // on disk
  };
  using Tails = std::map<std::string, Tail, std::less<>>;
  struct InFlight {
    Bodies bodies;
    std::optional<uint64_t> last;
    uint64_t bytes = 0;
  };

  Journal(Options options, std::string incarnation);
  using LaneName = std::pair<std::string, std::string>;  // incarnation and family

  Status Load(const std::string& name, const std::string& bytes);
  void Restore(Event event, SegmentFile& file);
  void ApplyNotes(SteadyTime now, WallTime wall);
  void NoteConfirmed(WallTime wall);
  Status CheckRoom(const Tail& tail, const std::string& family) const;
  void Enqueue(Tail& tail, std::string body);
  void Write(Tail& tail, const std::string& family, Job& job);
  Tails::iterator NextTail();
  void CollectRetired(Job& job);
  bool IsRetired(const SegmentFile& segment) const;
  void TakeBack(InFlight failed);

  const Options options_;
  const std::string incarnation_;
  LaneQueues queues_;
  Tails tails_;                            // by family
  Tails::iterator served_ = tails_.end();  // the tail of the last job
  std::map<LaneName, size_t> restored_;    // lanes of earlier lives: the last one of this name
  std::map<LaneName, Confirmed> noted_;    // what the files say of them
  std::vector<uint64_t> durable_;
  std::set<size_t> newly_confirmed_;
  SteadyTime noted_at_{};

  std::vector<SegmentFile> old_;  // complete ones: of earlier lives, and full ones of this
  uint64_t next_number_ = 1;
  uint64_t unsealed_bytes_ = 0;  // of all families
  std::optional<InFlight> in_flight_;
  std::string buffer_;  // memory for the next job
  uint64_t bytes_ = 0;
  std::string trouble_;
  bool disk_full_ = false;
  std::vector<std::string> damaged_;
};

// Blocks.
Journal::Outcome CarryOut(const Journal::Job& job, Storage& storage);

}  // namespace quantum::bus::journal
