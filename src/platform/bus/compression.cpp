#include "platform/bus/compression.h"

#include <fmt/format.h>
#include <zstd.h>

#include <memory>

#include "platform/base/assert.h"

namespace quantum::bus {

namespace {

// The fastest of the levels that still take three quarters off a bundle: docs/decisions/0012.
constexpr int kLevel = 1;

struct Free {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Made once a thread: a compressor's tables take longer to make than a bundle to compress.
ZSTD_CCtx* Compressor() {
  static thread_local const std::unique_ptr<ZSTD_CCtx, Free> context = [] {
    std::unique_ptr<ZSTD_CCtx, Free> made(ZSTD_createCCtx());
    QUANTUM_ASSERT(made != nullptr);
    QUANTUM_ASSERT(!ZSTD_isError(ZSTD_CCtx_setParameter(made.get(), ZSTD_c_compressionLevel, kLevel)));
    QUANTUM_ASSERT(!ZSTD_isError(ZSTD_CCtx_setParameter(made.get(), ZSTD_c_checksumFlag, 1)));
    return made;
  }();
  return context.get();
}

ZSTD_DCtx* Decompressor() {
  static thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  QUANTUM_ASSERT(context != nullptr);
  return context.get();
}

}  // namespace

std::string Compress(std::string_view text) {
  std::string frame(ZSTD_compressBound(text.size()), '\0');
  const size_t size = ZSTD_compress2(Compressor(), frame.data(), frame.size(), text.data(), text.size());
  QUANTUM_ASSERT(!ZSTD_isError(size));  // there is room for any text
  frame.resize(size);
  return frame;
}

Result<std::string> Decompress(std::string_view frame, size_t bytes_max) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return Error{Errc::kInvalidArgument, "not a zstd frame of known size"};
  }
  if (size > bytes_max) {
    return Error{Errc::kInvalidArgument, fmt::format("a zstd frame of {} bytes, {} are allowed", size, bytes_max)};
  }
  std::string text(size, '\0');
  const size_t got = ZSTD_decompressDCtx(Decompressor(), text.data(), text.size(), frame.data(), frame.size());
  if (ZSTD_isError(got)) {
    return Error{Errc::kInvalidArgument, fmt::format("a damaged zstd frame: {}", ZSTD_getErrorName(got))};
  }
  text.resize(got);
  return text;
}

}  // namespace quantum::bus
