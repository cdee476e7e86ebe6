#include "tests/operator/real_platform.h"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "tests/support/checkout/checkout.h"

namespace quantum::operate {

namespace fs = std::filesystem;

// Of infra/ what these servers need: the rest speaks of units that are not here.
RealPlatform::RealPlatform() {
  fs::create_directory(infra_);
  for (const char* folder : {"redis", "postgres"}) {
    fs::copy(checkout::SourceDirectory() + "/infra/" + folder, infra_ / folder, fs::copy_options::recursive);
  }
}

std::string RealPlatform::Real(const std::string& name, const std::string& more) {
  std::istringstream manifest(quantum::testing::ReadFile(checkout::SourceDirectory() + "/quantum.yml"));
  std::string unit;
  bool inside = false;
  for (std::string line; std::getline(manifest, line);) {
    inside = line == "  " + name + ":" || (inside && line.starts_with("    "));
    unit += inside ? (line.starts_with("    port") ? OnFreePorts(line) : line) + "\n" : "";
    if (inside && line.starts_with("    port: ")) {
      port_of_[name] = ports_.back();
    }
  }
  EXPECT_FALSE(unit.empty()) << "quantum.yml has no unit " << name;
  return unit + more;
}

std::string RealPlatform::Postgres() {
  std::string units;
  for (const char* name : {"etcd-keys", "etcd", "postgres-1", "postgres-2", "haproxy", "pg-roles"}) {
    units += Real(name);
  }
  return units;
}

// "port: 6379" or "ports: {rest: 8008}" with other numbers.
std::string RealPlatform::OnFreePorts(const std::string& line) {
  static const std::regex kNumber("[0-9]+");
  std::string text;
  auto begin = line.cbegin();
  for (std::sregex_iterator each(line.begin(), line.end(), kNumber), end; each != end; ++each) {
    ports_.push_back(quantum::testing::FreePorts(1).front());
    text.append(begin, line.begin() + each->position()).append(std::to_string(ports_.back()));
    begin = line.cbegin() + each->position() + each->length();
  }
  return text.append(begin, line.cend());
}

}  // namespace quantum::operate
