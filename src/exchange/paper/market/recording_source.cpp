#include "exchange/paper/market/recording_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace quantum::paper {

Result<std::unique_ptr<RecordingSource>> RecordingSource::Open(const std::vector<std::string>& files) {
  std::unique_ptr<RecordingSource> source(new RecordingSource());
  for (const std::string& file : files) {
    QUANTUM_TRY(exchange::Recording recording, exchange::Recording::Open(file));
    source->tracks_.push_back(Track{file, std::move(recording)});
  }
  for (Track& track : source->tracks_) {
    QUANTUM_CHECK(Advance(track));
    if (track.ready.empty()) {
      return Error{Errc::kInvalidArgument, track.path + " holds no depth snapshot to start from"};
    }
  }
  return source;
}

Status RecordingSource::Advance(Track& track) {
  while (track.ready.empty()) {
    ++track.line;
    QUANTUM_TRY(const auto line, track.recording.Next());
    if (!line) {
      return {};
    }
    auto event = track.parser.Parse(line->frame);
    if (!event.ok()) {
      return event.error().Within(fmt::format("{} line {}", track.path, track.line));
    }
    if (*event) {
      Take(track, std::move(**event));
    }
  }
  return {};
}

void RecordingSource::Take(Track& track, SourceEvent event) {
  track.time_ms = std::max(track.time_ms, event.time_ms);
  event.time_ms = track.time_ms;
  if (auto* reset = std::get_if<BookReset>(&event.what)) {
    reset->symbol = track.symbol;
    track.snapshot_id = reset->snapshot.last_update_id;
    if (track.symbol.empty()) {
      return;  // nobody named the symbol yet
    }
    track.ready.push_back(std::move(event));
    for (DepthUpdate& update : track.early) {
      if (update.last_update_id >= track.snapshot_id) {
        track.ready.push_back({track.time_ms, std::move(update)});
      }
    }
    track.early.clear();
    return;
  }
  if (auto* update = std::get_if<DepthUpdate>(&event.what)) {
    track.symbol = update->symbol;
    if (track.snapshot_id == 0) {
      track.early.push_back(std::move(*update));
      return;
    }
    if (update->last_update_id < track.snapshot_id) {
      return;
    }
  } else if (const auto* trade = std::get_if<MarketTrade>(&event.what)) {
    track.symbol = trade->symbol;
  } else if (const auto* ticker = std::get_if<BookTicker>(&event.what)) {
    track.symbol = ticker->symbol;
  }
  if (track.snapshot_id != 0) {
    track.ready.push_back(std::move(event));
  }
}

Result<std::optional<SourceEvent>> RecordingSource::Next() {
  Track* first = nullptr;
  for (Track& track : tracks_) {
    if (!track.ready.empty() && (first == nullptr || track.ready.front().time_ms < first->ready.front().time_ms)) {
      first = &track;
    }
  }
  if (first == nullptr) {
    return std::optional<SourceEvent>();
  }
  std::optional<SourceEvent> event = std::move(first->ready.front());
  first->ready.pop_front();
  QUANTUM_CHECK(Advance(*first));
  return event;
}

MarketLabel RecordingSource::label() const {
  std::string detail;
  for (const Track& track : tracks_) {
    detail += (detail.empty() ? "" : ", ") + std::filesystem::path(track.path).filename().string();
  }
  return {"recording", detail};
}

}  // namespace quantum::paper
