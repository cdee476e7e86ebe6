#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "platform/bus/trimming.h"
#include "platform/redis/client.h"

namespace quantum::simulation {

using bus::EntryId;
using Fields = std::shared_ptr<const std::vector<std::string>>;  // names and values in turn

// What a Redis node holds: streams with their groups, and hashes. Changes are values, so that they can be replicated
// one by one and written to a file.
class Store {
 public:
  struct Entry {
    EntryId id;
    Fields fields;
  };
  struct Group {
    EntryId last_delivered;
    std::map<EntryId, std::string> pending;  // and whose
  };
  struct Stream {
    std::deque<Entry> entries;
    EntryId last;
    std::map<std::string, Group> groups;

    const Entry* Find(EntryId id) const;
    size_t IndexAfter(EntryId id) const;  // of the first entry beyond
  };

  struct Add {
    std::string stream;
    EntryId id;
    Fields fields;
  };
  struct Set {
    std::string hash, field, value;
  };
  struct Unset {
    std::string hash, field;
  };
  struct MakeGroup {
    std::string stream, group;
  };
  struct Deliver {
    std::string stream, group, consumer;
    std::vector<EntryId> entries;  // not empty
  };
  struct Acknowledge {
    std::string stream, group;
    EntryId entry;
  };
  struct Trim {
    std::string stream;
    EntryId below;
  };
  using Change = std::variant<Add, Set, Unset, MakeGroup, Deliver, Acknowledge, Trim>;

  void Apply(const Change& change);

  const Stream* FindStream(const std::string& key) const;
  const std::map<std::string, Stream>& streams() const { return streams_; }
  std::optional<std::string> Get(const std::string& hash, const std::string& field) const;

 private:
  void Do(const Add& add);
  void Do(const Set& set) { hashes_[set.hash][set.field] = set.value; }
  void Do(const Unset& unset) { hashes_[unset.hash].erase(unset.field); }
  void Do(const MakeGroup& make) { streams_[make.stream].groups.try_emplace(make.group); }
  void Do(const Deliver& deliver);
  void Do(const Acknowledge& acknowledge);
  void Do(const Trim& trim);

  std::map<std::string, Stream> streams_;
  std::map<std::string, std::map<std::string, std::string>> hashes_;
};

}  // namespace quantum::simulation
