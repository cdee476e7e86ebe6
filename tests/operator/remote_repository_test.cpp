#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "tests/operator/real_platform.h"
#include "tests/support/npm_packages.h"
#include "tests/support/process.h"

// Backups in S3 and in Azure Blob, each played by a server from npm, by TLS.
namespace quantum::operate {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using quantum::testing::Eventually;
using quantum::testing::FreePorts;
using quantum::testing::Process;
using ::testing::HasSubstr;

class RemoteRepository : public RealPlatform {
 protected:
  void SetUp() override {
    packages_ = quantum::testing::NpmPackages("tests/remote");
    if (packages_.empty()) {
      return;
    }
    ASSERT_EQ(
        Shell(fmt::format("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
                          "/CN=localhost -addext subjectAltName=DNS:localhost -keyout {} -out {}",
                          File("server.key"), File("server.crt")))
            .exit_code,
        0);
    fs::permissions(File("server.crt"), fs::perms(0644));
    fs::create_directory(File("store"));
  }

  std::string File(const std::string& name) const { return (directory_.path() / name).string(); }

  void Serve(std::vector<std::string> command) {
    command.front() = (packages_ / "node_modules/.bin" / command.front()).string();
    server_ = std::make_unique<Process>(quantum::testing::ProcessOptions{
        .command = std::move(command), .output = File("server.log"), .user = {}, .directory = "/", .environment = {}});
    ASSERT_TRUE(Eventually(kSoon, [&] {
      return Shell(fmt::format("bash -c '</dev/tcp/127.0.0.1/{}'", port_)).exit_code == 0;
    })) << quantum::testing::ReadFile(File("server.log"));
  }

  // The platform, with this section `backups` and the key's export acknowledged or not.
  void Write(const std::string& backups, bool exported) {
    units_ = units_.empty() ? Postgres() + Real("pg-stanza") + Real("pgbouncer-users") + Real("pgbouncer") : units_;
    WriteManifest(units_, fmt::format("backups:\n{}  endpoint: localhost:{}\n  path_style: true\n  ca_file: {}\n"
                                      "  key_exported: {}\n",
                                      backups, port_, File("server.crt"), exported));
  }

  std::string Sql(const std::string& statement) {
    return Shell(fmt::format(
                     "env PGPASSWORD=$(cat {}) psql -h 127.0.0.1 -p {} -U quantum_owner -d quantum_trader -qAtc \"{}\"",
                     SecretFile("postgres-owner"), PortOf("haproxy"), statement))
        .output;
  }

  // Instead of after 15 s for each attempt.
  void GiveUpSoon() const {
    for (const char* node : {"postgres-1", "postgres-2"}) {
      const std::string path = fmt::format("{}/{}/pgbackrest.conf", layout_.Etc(), node);
      std::string text = quantum::testing::ReadFile(path);
      const size_t at = text.find("io-timeout=15");
      ASSERT_NE(at, std::string::npos);
      std::ofstream(path) << text.replace(at, 13, "io-timeout=1");  // keeps owner and mode
    }
  }

  // `up` refuses to begin without the secret, and says where it is to be.
  void GiveWhatIsWanted(const std::string& secret, const std::string& value) {
    const Outcome wants = Quantum("up");
    EXPECT_EQ(wants.exit_code, 1);
    EXPECT_THAT(wants.output, HasSubstr("write it to " + SecretFile(secret)));
    quantum::testing::WriteFile(SecretFile(secret), value + "\n");
    fs::permissions(SecretFile(secret), fs::perms(0600));
  }

  // From the first `up`, which asks for what only the owner has, to a copy of what was committed last.
  void ProveBackups(const std::string& backups, const std::vector<std::pair<std::string, std::string>>& secrets) {
    Write(backups, false);
    fs::create_directories(layout_.Secrets());
    GiveWhatIsWanted("backup-cipher", std::string(64, 'a'));
    const Outcome asks = Quantum("up");
    EXPECT_EQ(asks.exit_code, 2) << asks.output;
    EXPECT_THAT(asks.output, HasSubstr("key_exported: true"));
    Write(backups, true);
    for (const auto& [name, value] : secrets) {
      GiveWhatIsWanted(name, value);
    }
    Up();
    Sql("CREATE TABLE kept AS SELECT i FROM generate_series(1, 1000) i");
    const Outcome backup = Quantum("backup full");
    EXPECT_EQ(backup.exit_code, 0) << backup.output;
    Sql("INSERT INTO kept SELECT i FROM generate_series(1001, 1500) i");
    const Outcome restore = Quantum("restore --json");
    ASSERT_EQ(restore.exit_code, 0) << restore.output;
    EXPECT_GE(json::parse(restore.output).at("rows").as_int64(), 1500);
    EXPECT_FALSE(fs::exists(layout_.Data() + "/backup/repository")) << "it lies here as well";
    for (const auto& [name, value] : secrets) {
      EXPECT_EQ(Shell(fmt::format("grep -rlF -e '{}' {}", value, layout_.Log())).exit_code, 1)
          << name << " is in a log";
    }
    GiveUpSoon();
    server_.reset();
    const Outcome away = Quantum("backup incr");
    EXPECT_EQ(away.exit_code, 1) << away.output;
    EXPECT_THAT(away.output, HasSubstr("localhost:" + std::to_string(port_)));
    EXPECT_EQ(Sql("SELECT count(*) FROM kept"), "1500\n");
  }

  fs::path packages_;
  const int port_ = FreePorts(1).front();
  std::string units_;
  std::unique_ptr<Process> server_;
};

TEST_F(RemoteRepository, InS3HoldsBackupsAndArchive) {
  Serve({"s3rver", "--directory", File("store"), "--address", "127.0.0.1", "--port", std::to_string(port_), "--key",
         File("server.key"), "--cert", File("server.crt"), "--configure-bucket", "desk", "--no-vhost-buckets"});
  ProveBackups("  repository: s3\n  bucket: desk\n  region: us-east-1\n",
               {{"backup-s3-key", "S3RVER"}, {"backup-s3-secret", "S3RVER"}});
}

TEST_F(RemoteRepository, InAzureHoldsBackupsAndArchive) {
  Serve({"azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", std::to_string(port_), "--cert", File("server.crt"),
         "--key", File("server.key"), "--location", File("store"), "--skipApiVersionCheck", "--disableTelemetry"});
  // The emulator's own account, whose key everybody knows (learn.microsoft.com, "Use the Azurite emulator").
  const std::string key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
  quantum::testing::WriteFile(
      File("container.conf"),
      fmt::format(
          "[global]\nrepo1-type=azure\nrepo1-azure-account=devstoreaccount1\nrepo1-azure-container=desk\n"
          "repo1-azure-key={}\nrepo1-azure-endpoint=localhost\nrepo1-azure-uri-style=path\nrepo1-storage-port={}\n"
          "repo1-storage-ca-file={}\nlog-level-file=off\n[desk]\npg1-path=/nonexistent\n",
          key, port_, File("server.crt")));
  const Outcome made = Shell(fmt::format("pgbackrest --config={} --stanza=desk repo-create", File("container.conf")));
  ASSERT_EQ(made.exit_code, 0) << made.output;
  ProveBackups("  repository: azure\n  account: devstoreaccount1\n  container: desk\n", {{"backup-azure-key", key}});
}

}  // namespace
}  // namespace quantum::operate
