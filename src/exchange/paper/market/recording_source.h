#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "exchange/paper/market/frame.h"
#include "exchange/paper/market/source.h"
#include "exchange/recording/recording.h"

namespace quantum::paper {

// Replays recorded Binance frames, one symbol a file, merged by the exchange's event time E (the recorder's own clock
// ran behind it). A symbol's events begin with its recorded REST snapshot: what came before it is left out, but for the
// depth updates that arrived before the snapshot and reach beyond it (lastUpdateId <= u). At the end of the last file
// the source has ended; it does not loop, because a loop would be a jump in price that never happened.
class RecordingSource final : public MarketSource {
 public:
  static Result<std::unique_ptr<RecordingSource>> Open(const std::vector<std::string>& files);

  Result<std::optional<SourceEvent>> Next() override;
  MarketLabel label() const override;

 private:
  struct Track {
    std::string path;
    exchange::Recording recording;
    FrameParser parser = {};
    int64_t line = 0;
    std::string symbol = {};  // known with the first frame that names it
    int64_t snapshot_id = 0;  // zero until the snapshot was seen
    int64_t time_ms = 0;      // the latest E so far: frames of different streams are out of order by some ms
    std::vector<DepthUpdate> early = {};  // depth updates before the snapshot
    std::deque<SourceEvent> ready = {};   // the next events of this file
  };
  RecordingSource() = default;
  static Status Advance(Track& track);  // until something is ready, or the end
  static void Take(Track& track, SourceEvent event);

  std::vector<Track> tracks_;
};

}  // namespace quantum::paper
