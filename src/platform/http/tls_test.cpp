#include <fmt/format.h>
#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "platform/http/client.h"
#include "platform/http/test_peers.h"

// https and wss against a real TLS server with a certificate of its own making.
namespace quantum::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using namespace std::chrono_literals;
using asio::ip::tcp;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

// A key and a self-signed certificate for "localhost", as PEM files in a directory that goes away.
class SelfSigned {
 public:
  SelfSigned() : directory_((std::filesystem::temp_directory_path() / "http-tls-XXXXXX").string()) {
    QUANTUM_ASSERT(::mkdtemp(directory_.data()) != nullptr);
    const Key key(EVP_RSA_gen(2048), EVP_PKEY_free);
    const Certificate certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* const name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1,
                               0);
    X509_set_issuer_name(certificate.get(), name);
    X509_EXTENSION* const names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(certificate.get(), names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    Write(key_file(),
          [&](FILE* file) { PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    Write(certificate_file(), [&](FILE* file) { PEM_write_X509(file, certificate.get()); });
  }
  ~SelfSigned() { std::filesystem::remove_all(directory_); }
  std::string key_file() const { return directory_ + "/key.pem"; }
  std::string certificate_file() const { return directory_ + "/certificate.pem"; }

 private:
  template <class Fn>
  static void Write(const std::string& path, Fn&& fn) {
    FILE* const file = std::fopen(path.c_str(), "w");
    QUANTUM_ASSERT(file != nullptr);
    fn(file);
    std::fclose(file);
  }
  std::string directory_;
};

// Serves connections one after the other: HTTP by two answers, or a WebSocket echo when it is asked to upgrade.
class TlsServer {
 public:
  explicit TlsServer(const SelfSigned& certificate, int connections)
      : acceptor_(context_, {asio::ip::address_v4::loopback(), 0}), tls_(asio::ssl::context::tls_server) {
    tls_.use_certificate_chain_file(certificate.certificate_file());
    tls_.use_private_key_file(certificate.key_file(), asio::ssl::context::pem);
    thread_ = std::thread([this, connections] {
      for (int i = 0; i < connections; ++i) {
        ServeOne();
      }
    });
  }
  ~TlsServer() { AwaitEnd(); }
  // Waits until all its connections have ended. How many requests it has read.
  int AwaitEnd() {
    if (thread_.joinable()) {
      thread_.join();
    }
    return requests_;
  }
  int port() const { return acceptor_.local_endpoint().port(); }

 private:
  void ServeOne() {
    boost::system::error_code error;
    asio::ssl::stream<tcp::socket> stream(acceptor_.accept(), tls_);
    stream.handshake(asio::ssl::stream_base::server, error);
    beast::flat_buffer buffer;
    while (!error) {
      beast::http::request<beast::http::string_body> request;
      beast::http::read(stream, buffer, request, error);
      if (error) {
        return;
      }
      ++requests_;
      if (beast::websocket::is_upgrade(request)) {
        Echo(stream, request);
        return;
      }
      beast::http::response<beast::http::string_body> response(beast::http::status::ok, 11);
      response.body() = "secure";
      response.prepare_payload();
      beast::http::write(stream, response, error);
    }
  }
  static void Echo(asio::ssl::stream<tcp::socket>& stream,
                   const beast::http::request<beast::http::string_body>& request) {
    boost::system::error_code error;
    beast::websocket::stream<asio::ssl::stream<tcp::socket>&> socket(stream);
    socket.accept(request, error);
    while (!error) {
      beast::flat_buffer message;
      socket.read(message, error);
      if (!error) {
        socket.write(message.data(), error);
      }
    }
  }

  asio::io_context context_;
  tcp::acceptor acceptor_;
  asio::ssl::context tls_;
  std::atomic<int> requests_{0};
  std::thread thread_;
};

// The system's store for the duration of a test (OpenSSL's own variable for it).
class Trust {
 public:
  explicit Trust(const std::string& file) { ::setenv("SSL_CERT_FILE", file.c_str(), 1); }
  ~Trust() { ::unsetenv("SSL_CERT_FILE"); }
  Trust(const Trust&) = delete;
  Trust& operator=(const Trust&) = delete;
};

TEST(Tls, HttpsWorksWithATrustedCertificateAndKeepsTheConnection) {
  const SelfSigned certificate;
  const Trust trust(certificate.certificate_file());
  TlsServer server(certificate, 1);
  test::RunInFiber([&](fiber::Loop& loop) {
    Client client(loop);
    for (int i = 0; i < 2; ++i) {
      const auto answer = client.Send({.url = fmt::format("https://localhost:{}/", server.port())});
      ASSERT_TRUE(answer.ok()) << answer.error().message;
      EXPECT_EQ(answer->body, "secure");
    }
  });
}

TEST(Tls, AnUntrustedCertificateIsRefusedBeforeAnythingIsSent) {
  const SelfSigned certificate;
  TlsServer server(certificate, 1);
  test::RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, {.attempts_max = 1});
    const auto answer = client.Send({.url = fmt::format("https://localhost:{}/", server.port())});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, Errc::kUnavailable);
    EXPECT_THAT(answer.error().message, testing::HasSubstr("self-signed certificate"));
  });
  EXPECT_EQ(server.AwaitEnd(), 0);
}

TEST(Tls, ACertificateForAnotherNameIsRefusedBeforeAnythingIsSent) {
  const SelfSigned certificate;
  const Trust trust(certificate.certificate_file());
  TlsServer server(certificate, 1);
  test::RunInFiber([&](fiber::Loop& loop) {
    Client client(loop, {.attempts_max = 1});
    const auto answer = client.Send({.url = fmt::format("https://127.0.0.1:{}/", server.port())});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, Errc::kUnavailable);
    EXPECT_THAT(answer.error().message, testing::HasSubstr("certificate verify failed"));
  });
  EXPECT_EQ(server.AwaitEnd(), 0);
}

TEST(Tls, WssCarriesMessages) {
  const SelfSigned certificate;
  const Trust trust(certificate.certificate_file());
  TlsServer server(certificate, 1);
  test::RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    const Status connected = client.Connect(fmt::format("wss://localhost:{}/ws", server.port()), 5s);
    ASSERT_TRUE(connected.ok()) << connected.error().message;
    ASSERT_TRUE(client.Write("over tls").ok());
    EXPECT_EQ(*client.Read(5s), "over tls");
    client.Close();
  });
}

TEST(Tls, WssRefusesAnUntrustedCertificateBeforeAnythingIsSent) {
  const SelfSigned certificate;
  TlsServer server(certificate, 1);
  test::RunInFiber([&](fiber::Loop& loop) {
    WebSocketClient client(loop);
    const Status connected = client.Connect(fmt::format("wss://localhost:{}/", server.port()), 5s);
    ASSERT_FALSE(connected.ok());
    EXPECT_EQ(connected.error().code, Errc::kUnavailable);
    EXPECT_THAT(connected.error().message, testing::HasSubstr("self-signed certificate"));
  });
  EXPECT_EQ(server.AwaitEnd(), 0);
}

}  // namespace
}  // namespace quantum::http
