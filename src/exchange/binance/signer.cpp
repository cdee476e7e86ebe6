#include "exchange/binance/signer.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <memory>

#include "platform/base/assert.h"

namespace quantum::binance {
namespace {

// A MAC context that is ready for the secret. Finding the algorithm and preparing the key costs twice the hash of an
// order, so the last secret's is kept, one a thread.
class KeyedMac {
 public:
  EVP_MAC_CTX* For(std::string_view secret) {
    const bool prepared = context_ != nullptr && secret_ == secret && EVP_MAC_init(context_.get(), nullptr, 0, nullptr);
    if (!prepared) {
      Prepare(secret);
    }
    return context_.get();
  }

 private:
  struct Free {
    void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
  };

  void Prepare(std::string_view secret) {
    const std::unique_ptr<EVP_MAC, Free> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    QUANTUM_ASSERT(mac != nullptr);
    context_.reset(EVP_MAC_CTX_new(mac.get()));
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};
    // An empty key is a key too, and null would mean the one before.
    static constexpr unsigned char kEmpty = 0;
    const auto* key = secret.empty() ? &kEmpty : reinterpret_cast<const unsigned char*>(secret.data());
    QUANTUM_ASSERT(context_ != nullptr && EVP_MAC_init(context_.get(), key, secret.size(), parameters) == 1);
    secret_ = secret;
  }

  std::unique_ptr<EVP_MAC_CTX, Free> context_;
  std::string secret_;
};

}  // namespace

std::string HmacSha256Hex(std::string_view secret, std::string_view message) {
  thread_local KeyedMac keyed;
  EVP_MAC_CTX* const context = keyed.For(secret);
  std::array<unsigned char, 32> digest{};
  size_t length = 0;
  const bool made =
      EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1 &&
      EVP_MAC_final(context, digest.data(), &length, digest.size()) == 1;
  QUANTUM_ASSERT(made && length == digest.size());
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * length);
  for (size_t i = 0; i < length; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

}  // namespace quantum::binance
