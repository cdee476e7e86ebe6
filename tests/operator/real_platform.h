#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tests/operator/toy_platform.h"

namespace quantum::operate {

// Of the real manifest's servers those that a test names, with the real infra/, on free ports.
class RealPlatform : public ToyPlatform {
 protected:
  RealPlatform();

  // A unit as quantum.yml describes it, on free ports where it has some; `more` are further keys.
  std::string Real(const std::string& name, const std::string& more = {});
  // Postgres with its standby, up to the roles: etcd, two nodes, HAProxy.
  std::string Postgres();
  // The port that Real has given to a unit.
  int PortOf(const std::string& name) const { return port_of_.at(name); }
  std::string SecretFile(const std::string& name) const { return layout_.Secrets() + "/" + name; }

  const std::filesystem::path infra_ = directory_.path() / "infra";

 private:
  std::string OnFreePorts(const std::string& line);
  std::map<std::string, int> port_of_;
};

}  // namespace quantum::operate
