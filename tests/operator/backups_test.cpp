#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "tests/operator/real_platform.h"
#include "tests/support/process.h"

// Backups of a real Postgres with its standby: made, restored, proven; and what fails says which object it was, and
// leaves the last good backup and the running database as they are.
namespace quantum::operate {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using quantum::testing::Eventually;
using ::testing::HasSubstr;

class Backups : public RealPlatform {
 protected:
  ~Backups() override {
    if (!mounted_.empty()) {
      Eventually(kSoon, [&] { return ::umount(mounted_.c_str()) == 0; });
    }
  }

  // With 1,000 rows in a table of our own, and a full backup of them.
  void UpWithBackup() {
    WriteManifest(Postgres() + Real("pg-stanza") + Real("pgbouncer-users") + Real("pgbouncer") +
                  "  schema:\n    kind: task\n    command: [\"${BIN}/quantum\", migrate]\n    depends: [pg-roles]\n");
    Up();
    Sql("CREATE TABLE kept AS SELECT i, md5(i::text) FROM generate_series(1, 1000) i");
    const Outcome backup = Quantum("backup full --json");
    ASSERT_EQ(backup.exit_code, 0) << backup.output;
    label_ = json::value_to<std::string>(json::parse(backup.output).at("label"));
  }

  // As the owner of the schema, at the primary; its answer.
  std::string Sql(const std::string& statement) {
    const Outcome answer = Shell(fmt::format(
        "env PGPASSWORD=$(cat {}) psql -h 127.0.0.1 -p {} -U quantum_owner -d quantum_trader -qAtc \"{}\" 2>&1",
        SecretFile("postgres-owner"), PortOf("haproxy"), statement));
    EXPECT_EQ(answer.exit_code, 0) << answer.output;
    return answer.output;
  }

  // Rows of the restored copy, all tables together.
  int64_t RowsOf(const Outcome& restore) {
    EXPECT_EQ(restore.exit_code, 0) << restore.output;
    return restore.exit_code == 0 ? json::parse(restore.output).at("rows").as_int64() : 0;
  }

  fs::path Repository() const { return fs::path(layout_.Data()) / "backup/repository"; }
  // Every node's pgbackrest.conf.
  void EditConfiguration(const std::string& from, const std::string& to) {
    for (const char* node : {"postgres-1", "postgres-2"}) {
      const std::string path = fmt::format("{}/{}/pgbackrest.conf", layout_.Etc(), node);
      std::string text = quantum::testing::ReadFile(path);
      const size_t at = text.find(from);
      ASSERT_NE(at, std::string::npos);
      std::ofstream(path) << text.replace(at, from.size(), to);  // keeps owner and mode
    }
  }

  // What failed has left the database and the last good backup alone.
  void ExpectTheLastGoodBackupStands() {
    EXPECT_EQ(Sql("SELECT count(*) FROM kept"), "1000\n");
    EXPECT_GE(RowsOf(Quantum("restore --json --set " + label_)), 1000);
  }

  std::string label_;
  std::string mounted_;  // a disk of the test's own
};

TEST_F(Backups, ACopyHoldsWhatWasThereThenAndTheTrialProvesIt) {
  UpWithBackup();
  Sql("INSERT INTO kept SELECT i, 'later' FROM generate_series(1001, 1500) i");
  const int64_t latest = RowsOf(Quantum("restore --json"));
  EXPECT_EQ(RowsOf(Quantum("restore --json --set " + label_)), latest - 500);
  EXPECT_EQ(Sql("SELECT count(*) FROM kept"), "1500\n") << "the living one was touched";
  const Outcome trial = Quantum("restore-test --json");
  EXPECT_EQ(trial.exit_code, 0) << trial.output;
  EXPECT_LT(json::parse(trial.output).at("recovery_point_seconds").to_number<double>(), 30);
  EXPECT_FALSE(fs::exists(layout_.Data() + "/backup/trial/data")) << "the copy of the trial is left";
  const json::value records = json::parse(quantum::testing::ReadFile(layout_.Data() + "/backups.json"));
  EXPECT_EQ(records.at("last_good").at("label"), label_.c_str());
  EXPECT_EQ(records.at("last_proof").at("error"), "");
}

// Recovery ends before the first commit after the moment wanted; on an idle database that is the drop's own, which
// comes after the removal of the files. Services commit a heartbeat every second; here are none.
TEST_F(Backups, ADropIsUndoneWhereACommitStandsBeforeItAndElseTheRestoreSaysWhyNot) {
  UpWithBackup();
  const auto now = [&] { return FormatIso8601(SystemClock().Now()); };
  const std::string before = now();
  Sql("INSERT INTO kept VALUES (2000, 'the last commit')");
  const std::string idle = now();
  const Outcome drop = Shell(fmt::format(
      "env PGPASSWORD=$(cat {}) psql -h 127.0.0.1 -p {} -U postgres -d postgres -c 'DROP DATABASE quantum_trader' 2>&1",
      SecretFile("postgres-superuser"), PortOf("haproxy")));
  ASSERT_EQ(drop.exit_code, 0) << drop.output;
  EXPECT_GE(RowsOf(Quantum("restore --json --time " + before)), 1000);
  const Outcome late = Quantum("restore --time " + idle);
  EXPECT_EQ(late.exit_code, 1) << late.output;
  EXPECT_THAT(late.output, HasSubstr("replayed into a DROP DATABASE"));
}

// A new database takes the place of the lost one, and its backups are the newest: they are not what is wanted.
TEST_F(Backups, AMachineThatHasLostItsDataGetsItBackFromTheRepository) {
  UpWithBackup();
  Sql("INSERT INTO kept SELECT i, 'later' FROM generate_series(1001, 1500) i");
  ASSERT_GE(RowsOf(Quantum("restore --json")), 1500);  // archives what was written
  ASSERT_EQ(Quantum("down").exit_code, 0);
  for (const char* lost : {"postgres-1", "postgres-2", "etcd"}) {
    fs::remove_all(fs::path(layout_.Data()) / lost);
  }
  Up();
  ASSERT_EQ(Quantum("backup full").exit_code, 0);
  const Outcome which = Quantum("restore");
  EXPECT_EQ(which.exit_code, 1) << which.output;
  EXPECT_THAT(which.output, HasSubstr("backups of the databases 1 (newest backup " + label_));
  const Outcome replaced = Quantum("restore --database 1 --replace");
  EXPECT_THAT(replaced.output, HasSubstr("The copy serves"));
  EXPECT_EQ(Sql("SELECT count(*) FROM kept"), "1500\n");
}

// The copy goes on with a log of its own: it has to reach the archive, or nothing that is committed after the
// replacement could be restored before the next backup, and a second replacement would begin the same timeline again.
TEST_F(Backups, AfterAReplacementTheArchiveKnowsItsTimelineAndTheDatabaseCanBeReplacedAgain) {
  UpWithBackup();
  const auto replace = [&](const std::string& time) {
    const Outcome replaced = Quantum("restore --replace --time " + time);
    EXPECT_THAT(replaced.output, HasSubstr("The copy serves"));
  };
  // A moment, and a commit after it at which a restore to it ends.
  const auto before_row = [&](int row) {
    const std::string now = FormatIso8601(SystemClock().Now());
    Sql(fmt::format("INSERT INTO kept VALUES ({}, 'later')", row));
    return now;
  };
  const std::string first = before_row(2001);
  const std::string second = before_row(2002);
  const int64_t at_backup = RowsOf(Quantum("restore --json --set " + label_));
  replace(second);
  EXPECT_EQ(Sql("SELECT count(*) FROM kept"), "1001\n");
  EXPECT_TRUE(Eventually(kSoon, [&] { return fs::exists(Repository() / "archive/quantum/15-1/00000002.history"); }));
  before_row(2003);
  const std::string after = before_row(2004);
  EXPECT_EQ(RowsOf(Quantum("restore --json --time " + after)), at_backup + 3);  // 2001, 2003, and that of the restore
  replace(first);
  EXPECT_EQ(Sql("SELECT count(*) FROM kept"), "1000\n");
  before_row(2005);
  const Outcome backup = Quantum("backup incr");
  EXPECT_EQ(backup.exit_code, 0) << "the archive takes the log no more: " << backup.output;
  EXPECT_EQ(RowsOf(Quantum("restore --json")), at_backup + 2);
}

TEST_F(Backups, ANodeWithoutDataWaitsForTheOneThatHasSome) {
  UpWithBackup();
  ASSERT_EQ(Quantum("down").exit_code, 0);
  for (const char* lost : {"postgres-1", "etcd"}) {
    fs::remove_all(fs::path(layout_.Data()) / lost);
  }
  Up();
  EXPECT_EQ(Sql("SELECT count(*) FROM kept"), "1000\n");
  const std::string patroni = quantum::testing::ReadFile(layout_.Etc() + "/postgres-1/patroni.yml");
  EXPECT_EQ(patroni.find("\nbootstrap:"), std::string::npos) << "it was a matter of luck";
}

TEST_F(Backups, AWrongKeyIsNamedAndNothingIsTouched) {
  UpWithBackup();
  const std::string key = quantum::testing::ReadFile(SecretFile("backup-cipher")).substr(0, 64);
  EditConfiguration(key, std::string(64, 'f'));
  for (const char* command : {"backup incr", "restore"}) {
    const Outcome failed = Quantum(command);
    EXPECT_EQ(failed.exit_code, 1) << failed.output;
    EXPECT_THAT(failed.output, HasSubstr("unable to load info file")) << command;
    EXPECT_THAT(failed.output, HasSubstr("secrets/backup-cipher")) << command;
  }
  EditConfiguration(std::string(64, 'f'), key);
  ExpectTheLastGoodBackupStands();
}

TEST_F(Backups, ACorruptedObjectIsNamedAndNothingIsRestored) {
  UpWithBackup();
  const fs::path object = Repository() / "backup/quantum" / label_ / "bundle/1";
  ASSERT_TRUE(fs::exists(object));
  const std::string good = quantum::testing::ReadFile(object);
  std::string bad = good;
  bad[bad.size() / 2] = static_cast<char>(~bad[bad.size() / 2]);
  std::ofstream(object, std::ios::binary) << bad;
  const std::string into = (directory_.path() / "copy").string();
  const Outcome failed = Quantum("restore --set " + label_ + " --into " + into);
  EXPECT_EQ(failed.exit_code, 1) << failed.output;
  EXPECT_THAT(failed.output, HasSubstr(label_));
  EXPECT_FALSE(fs::exists(into + "/data")) << "half a copy is left";
  std::ofstream(object, std::ios::binary) << good;
  ExpectTheLastGoodBackupStands();
}

TEST_F(Backups, AMissingSegmentOfTheLogIsNamedAndTheCopyIsNoGood) {
  UpWithBackup();
  for (int i = 0; i < 3; ++i) {  // a segment each
    Sql(fmt::format("INSERT INTO kept VALUES ({}, 'later')", 2000 + i));
    ASSERT_EQ(Quantum("restore --json").exit_code, 0);  // ends and archives it
  }
  std::vector<fs::path> segments;
  for (const auto& entry : fs::recursive_directory_iterator(Repository() / "archive")) {
    if (entry.path().extension() == ".zst") {
      segments.push_back(entry.path());
    }
  }
  std::sort(segments.begin(), segments.end());
  ASSERT_GE(segments.size(), 3u);
  const fs::path missing = segments[segments.size() - 2];
  const fs::path aside = directory_.path() / "aside";
  fs::rename(missing, aside);
  const Outcome failed = Quantum("restore");
  EXPECT_EQ(failed.exit_code, 1) << failed.output;
  EXPECT_THAT(failed.output, HasSubstr(missing.filename().string().substr(0, 24)));
  fs::rename(aside, missing);
  EXPECT_EQ(Quantum("restore").exit_code, 0);
}

TEST_F(Backups, AFullRepositoryFailsTheBackupAndTheLastGoodOneStands) {
  UpWithBackup();
  // A disk of its own for the backup that comes: as large as nothing.
  const fs::path folder = Repository() / "backup/quantum";
  const fs::path copy = directory_.path() / "quantum";
  fs::copy(folder, copy, fs::copy_options::recursive);
  if (::mount("none", folder.c_str(), "tmpfs", 0, "size=12m,mode=777") != 0) {
    GTEST_SKIP() << "may not mount a disk of its own";
  }
  mounted_ = folder.string();
  ASSERT_EQ(Shell(fmt::format("cp -r {0}/. {1} && chown -R --reference={2} {1}", copy.string(), folder.string(),
                              (Repository() / "archive").string()))
                .exit_code,
            0);
  Sql("CREATE TABLE large AS SELECT i, md5(random()::text) || md5(random()::text) AS noise FROM "
      "generate_series(1, 300000) i");
  const Outcome failed = Quantum("backup full");
  EXPECT_TRUE(Eventually(kSoon, [&] { return ::umount(folder.c_str()) == 0; }));
  mounted_.clear();
  EXPECT_EQ(failed.exit_code, 1) << failed.output;
  EXPECT_THAT(failed.output, HasSubstr("backup/quantum is full ("));
  const json::value records = json::parse(quantum::testing::ReadFile(layout_.Data() + "/backups.json"));
  EXPECT_THAT(std::string(records.at("last_try").at("error").as_string()), HasSubstr("backup/quantum is full ("));
  EXPECT_EQ(records.at("last_good").at("label"), label_.c_str());
  ExpectTheLastGoodBackupStands();
}

// The archive is away: what was committed is on the nodes alone, and the trial says so.
TEST_F(Backups, ATrialSaysWhenTheArchiveDoesNotTakeTheLog) {
  UpWithBackup();
  EditConfiguration("repo1-path=", "repo1-path=/nonexistent");
  const Outcome trial = Quantum("restore-test");
  EXPECT_EQ(trial.exit_code, 1) << trial.output;
  EXPECT_THAT(trial.output, HasSubstr("is not in the archive after 90 s"));
  const json::value records = json::parse(quantum::testing::ReadFile(layout_.Data() + "/backups.json"));
  EXPECT_THAT(std::string(records.at("last_trial").at("error").as_string()), HasSubstr("is not in the archive"));
  EXPECT_TRUE(records.at("last_proof").is_null());
  EditConfiguration("repo1-path=/nonexistent", "repo1-path=");
  EXPECT_EQ(Quantum("restore-test").exit_code, 0);
}

}  // namespace
}  // namespace quantum::operate
