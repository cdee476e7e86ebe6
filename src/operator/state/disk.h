#pragma once

#include <cstdint>
#include <string>

#include "operator/state/layout.h"
#include "platform/base/result.h"
#include "platform/config/manifest.h"

// Whether the disk under a state directory has room: a server that meets a full one often cannot even write down why it
// ended, so `up` looks for itself.
namespace quantum::operate {

// Free for us where `path` lies, or would lie. Nothing is known of it: as much as there can be.
uint64_t FreeBytes(const std::string& path);

// Less than the servers can live with; what failed then failed for that.
inline constexpr uint64_t kFullBytes = 1u << 20;

// "The disk of /var/lib/quantum-trader is full: free some space there and start again".
std::string FullDisk(const Layout& layout);

// What starting writes at once: the programs and recordings that are not there yet, a database that is to be made, and
// some room for logs. `programs` is the folder they are copied from.
uint64_t BytesToStart(const Layout& layout, const config::Manifest& manifest, const std::string& programs,
                      const std::string& market);

// kExhausted: fewer than `needed` bytes are free.
Status CheckRoom(const Layout& layout, uint64_t needed, uint64_t free_bytes);

}  // namespace quantum::operate
