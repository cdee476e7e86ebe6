#include "platform/config/manifest.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <utility>

#include "platform/config/document.h"
#include "platform/config/scalars.h"
#include "platform/config/schema.h"
#include "platform/config/units.h"

namespace quantum::config {

struct Manifest::Impl {
  std::shared_ptr<const Document> document;
  Mode mode = Mode::kPaper;
  std::vector<std::string> symbols;
  std::string bind_address;
  std::vector<Unit> units;
  int port_offset = 0;
  std::string state_directory;
};

namespace {

constexpr const char* kLoopback = "127.0.0.1";
constexpr std::string_view kGateway = "gateway";
constexpr std::array<std::string_view, 6> kSections = {"services", "market", "strategy",
                                                       "servers",  "limits", "backups"};

std::shared_ptr<Section::Impl> Root(const std::shared_ptr<const Document>& document) {
  return std::make_shared<Section::Impl>(document, "", document->root(), 1);
}

Mode ReadMode(Section& root, const Section::Impl& impl) {
  static const std::map<std::string, Mode> kModes = {
      {"PAPER", Mode::kPaper}, {"TESTNET", Mode::kTestnet}, {"LIVE", Mode::kLive}};
  const auto entry = impl.Find("mode");
  if (!entry) {
    root.Complain("mode", "is missing: PAPER, TESTNET or {name: LIVE, confirm: real-money}");
    return Mode::kPaper;
  }
  if (!entry->value.IsMap()) {
    const std::string name = root.GetChoice("mode", "PAPER", {"PAPER", "TESTNET", "LIVE"});
    if (name == "LIVE") {
      root.Complain("mode", "LIVE trades real money and asks for {name: LIVE, confirm: real-money}");
    }
    return kModes.at(name);
  }
  Section section = root.GetSection("mode");
  const std::string name = section.GetChoice("name", "PAPER", {"PAPER", "TESTNET", "LIVE"});
  if (section.GetString("confirm", "") != "real-money" && name == "LIVE") {
    section.Complain("confirm", "LIVE trades real money and asks for confirm: real-money");
  }
  return kModes.at(name);
}

std::vector<std::string> ReadSymbols(Section& root) {
  const std::vector<std::string> symbols = root.GetStrings("symbols", {});
  std::set<std::string> seen;
  for (const std::string& symbol : symbols) {
    const bool plain = std::all_of(symbol.begin(), symbol.end(),
                                   [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
    if (!plain || symbol.size() < 3 || symbol.size() > 20) {
      root.Complain("symbols", fmt::format("'{}' is no symbol: 3 to 20 of A-Z and 0-9, such as BTCUSDT", symbol));
    } else if (!seen.insert(symbol).second) {
      root.Complain("symbols", fmt::format("{} stands there twice", symbol));
    }
  }
  return symbols;
}

std::string ReadBind(Section& root) {
  std::string address = root.GetString("bind", kLoopback);
  std::array<unsigned char, sizeof(in6_addr)> parsed{};
  if (inet_pton(AF_INET, address.c_str(), parsed.data()) != 1 &&
      inet_pton(AF_INET6, address.c_str(), parsed.data()) != 1) {
    root.Complain("bind", fmt::format("expected an IP address, found '{}'", address));
  }
  return address;
}

std::string StateDirectory(const std::string& path) {
  if (const char* directory = std::getenv("QUANTUM_STATE_DIR"); directory != nullptr && *directory != '\0') {
    return directory;
  }
  return (std::filesystem::absolute(path).parent_path() / "var").string();
}

std::vector<std::string> Lines(const char* text) {
  std::vector<std::string> lines;
  std::istringstream stream(text == nullptr ? "" : text);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty()) {
      lines.push_back(line);
    }
  }
  return lines;
}

}  // namespace

Manifest::Manifest(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<Manifest> Manifest::Load(const std::string& path, const std::vector<std::string>& overrides, int port_offset) {
  auto impl = std::make_shared<Impl>();
  QUANTUM_TRY(impl->document, Document::Load(path, overrides));
  impl->port_offset = port_offset;
  impl->state_directory = StateDirectory(path);
  const auto root_impl = Root(impl->document);
  Section root(root_impl);
  if (root.GetInt("version", 0, 0, 1000) != 1) {
    root.Complain("version", "expected 1: this program reads manifests of version 1");
  }
  impl->mode = ReadMode(root, *root_impl);
  impl->symbols = ReadSymbols(root);
  impl->bind_address = ReadBind(root);
  Section units = root.GetSection("units");
  impl->units = ReadUnits(units);
  CheckPorts(units, impl->units, port_offset, EphemeralPorts());
  CheckSections(root, impl->units);
  const bool has_service = std::any_of(impl->units.begin(), impl->units.end(),
                                       [](const Unit& unit) { return unit.kind == Unit::Kind::kService; });
  if (has_service && impl->symbols.empty()) {
    root.Complain("symbols", "expected at least one, such as [BTCUSDT]: without symbols nothing is traded");
  }
  QUANTUM_CHECK(root.Finish());
  return Manifest(std::move(impl));
}

Result<Manifest> Manifest::FromEnvironment() {
  const char* path = std::getenv("QUANTUM_MANIFEST");
  if (path == nullptr || *path == '\0') {
    return Error{Errc::kInvalidArgument,
                 "QUANTUM_MANIFEST is not set: start the services with `./quantum up`, or set it to the path of "
                 "quantum.yml"};
  }
  int64_t offset = 0;
  if (const char* text = std::getenv("QUANTUM_PORT_OFFSET"); text != nullptr && *text != '\0') {
    const Result<int64_t> parsed = ParseInt(text);
    if (!parsed.ok() || *parsed < 0 || *parsed > 65535) {
      return Error{Errc::kInvalidArgument, fmt::format("QUANTUM_PORT_OFFSET must be 0..65535, is '{}'", text)};
    }
    offset = *parsed;
  }
  return Load(path, Lines(std::getenv("QUANTUM_OVERRIDES")), static_cast<int>(offset));
}

Mode Manifest::mode() const { return impl_->mode; }
const std::vector<std::string>& Manifest::symbols() const { return impl_->symbols; }
const std::vector<Unit>& Manifest::units() const { return impl_->units; }
int Manifest::port_offset() const { return impl_->port_offset; }
const std::string& Manifest::bind_address() const { return impl_->bind_address; }
std::string Manifest::AddressOf(std::string_view unit) const {
  const Unit* const found = FindUnit(unit);
  QUANTUM_ASSERT(found != nullptr);
  if (found->kind != Unit::Kind::kService && found->name != kGateway) {
    return kLoopback;
  }
  const std::string& address = impl_->bind_address;
  return address == "0.0.0.0" ? kLoopback : address == "::" ? "::1" : address;
}

std::string InUrl(const std::string& address) {
  return address.find(':') == std::string::npos ? address : fmt::format("[{}]", address);
}

const std::string& Manifest::state_directory() const { return impl_->state_directory; }
const std::string& Manifest::path() const { return impl_->document->path(); }

const Unit* Manifest::FindUnit(std::string_view name) const {
  const auto found =
      std::find_if(impl_->units.begin(), impl_->units.end(), [&](const Unit& unit) { return unit.name == name; });
  return found == impl_->units.end() ? nullptr : &*found;
}

int Manifest::Port(std::string_view unit, std::string_view name) const {
  const Unit* const found = FindUnit(unit);
  QUANTUM_ASSERT(found != nullptr);
  const int port = name.empty() ? found->port : found->ports.at(std::string(name));
  QUANTUM_ASSERT(port != 0);
  return port + impl_->port_offset;
}

Section Manifest::Service(std::string_view name) const {
  const auto services = Root(impl_->document)->Find("services");
  const int line = services ? services->line : 1;
  const auto holder =
      std::make_shared<Section::Impl>(impl_->document, "services", services ? services->value : YAML::Node(), line);
  return Section(holder).GetSection(name);
}

std::string Manifest::MarketSource() const {
  if (mode() != Mode::kPaper) {
    return "binance";
  }
  const std::string source = Top("market").GetString("source", "synthetic");
  return source.substr(0, source.find(':'));
}

Section Manifest::Top(std::string_view key) const {
  QUANTUM_ASSERT(std::find(kSections.begin(), kSections.end(), key) != kSections.end());
  return Section(Root(impl_->document)).GetSection(key);
}

std::string Manifest::ValueAt(std::string_view key_path) const {
  YAML::Node node = impl_->document->root();
  while (!key_path.empty() && node.IsMap()) {
    const std::string key(key_path.substr(0, key_path.find('.')));
    key_path.remove_prefix(std::min(key_path.size(), key.size() + 1));
    const YAML::Node next = std::as_const(node)[key];
    if (!next.IsDefined()) {
      return {};
    }
    node.reset(next);
  }
  if (!key_path.empty()) {
    return {};
  }
  YAML::Emitter text;
  text.SetMapFormat(YAML::Flow);
  text.SetSeqFormat(YAML::Flow);
  text << node;
  return node.IsScalar() ? node.Scalar() : text.c_str();
}

std::string_view ToString(Mode mode) {
  return mode == Mode::kLive ? "LIVE" : mode == Mode::kTestnet ? "TESTNET" : "PAPER";
}

}  // namespace quantum::config
