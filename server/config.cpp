#include "server/config.h"

#include <algorithm>
#include <cctype>
#include <sstream>

#include <arpa/inet.h>

#include "dicom/error.h"
#include "server/config_parts.h"

namespace metserve::server {
namespace {

/// PS3.5 section 9.1 and ISO/IEC 8824-1: the first component is 0, 1 or 2, the second below 40 after 0 or 1.
/// A root leaves room for what is put below it.
bool is_uid_root(const std::string& root) {
  if (root.size() > 40) return false;
  std::istringstream stream(root + ".");
  std::vector<std::string> parts;
  for (std::string part; std::getline(stream, part, '.'); parts.push_back(part)) {
    const bool digits = !part.empty() && std::all_of(part.begin(), part.end(),
                                                     [](unsigned char c) { return std::isdigit(c) != 0; });
    if (!digits || (part.size() > 1 && part.front() == '0')) return false;
  }
  if (parts.size() < 2 || parts[0].size() > 1 || parts[0] > "2") return false;
  return parts[0] == "2" || parts[1].size() == 1 || (parts[1].size() == 2 && parts[1] < "40");
}

bool is_device(const std::string& device) {
  if (device == "cpu" || device == "cuda") return true;
  return device.starts_with("cuda:") && device.size() > 5 && device.size() < 9 &&
         std::all_of(device.begin() + 5, device.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool is_address(const std::string& address) {
  in6_addr parsed{};
  return inet_pton(AF_INET, address.c_str(), &parsed) == 1 ||
         inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

void read_bind_address(ConfigSection& section, std::string& address) {
  section.text("bind_address", address);
  if (!is_address(address)) section.problem("bind_address", "must be an IP address, is '" + address + "'");
}

void read_caller(ConfigSection& section, dicom::Caller& caller) {
  section.text("ae_title", caller.ae_title);
  if (!is_ae_title(caller.ae_title)) section.problem("ae_title", ae_title_rule);
  section.text("certificate", caller.certificate);
  for (const std::string& text : section.texts("addresses")) {
    try {
      caller.addresses.emplace_back(text);
    } catch (const dicom::Error& error) {
      section.problem("addresses", error.what());
    }
  }
  section.finish();
}

void read_dicom(ConfigSection section, dicom::StoreScpOptions& dicom, std::optional<dicom::TlsOptions>& tls) {
  section.text("ae_title", dicom.ae_title);
  if (!is_ae_title(dicom.ae_title)) section.problem("ae_title", ae_title_rule);
  read_bind_address(section, dicom.bind_address);
  section.whole("port", dicom.port, 0, 65535);
  section.flag("require_called_ae_title", dicom.require_called_ae_title);
  for (ConfigSection& caller : section.sections("callers")) read_caller(caller, dicom.callers.emplace_back());
  if (section.has("tls")) tls = read_tls(section.section("tls"), {"certificate", "key"});
  const bool certificates = tls && !tls->trusted.empty();
  if (!certificates && std::any_of(dicom.callers.begin(), dicom.callers.end(),
                                   [](const dicom::Caller& one) { return !one.certificate.empty(); }))
    section.problem("callers", "name certificates, which callers show only with dicom.tls.trusted");
  ConfigSection limits = section.section("limits");
  limits.whole("max_associations", dicom.max_associations, 1, 1024);
  if (const auto count = limits.whole_number("max_associations_per_host", 1, 1024))
    dicom.max_associations_per_host = static_cast<std::size_t>(*count);
  limits.whole("max_pdu_bytes", dicom.max_pdu_bytes, 4096, 131072);
  limits.duration("idle_timeout_s", dicom.idle_timeout, 1, 3600);
  limits.duration("request_timeout_s", dicom.request_timeout, 1, 300);
  limits.duration("association_timeout_s", dicom.association_timeout, 60, 604800);
  if (const auto mib = limits.whole_number("max_dataset_mib", 1, 16384)) {
    dicom.max_dataset_bytes = static_cast<std::size_t>(*mib) << 20;
  }
  limits.finish();
  section.finish();
}

void read_series_rule(ConfigSection& section, pipeline::SiteRule& rule) {
  section.text("description", rule.description);
  section.text("protocol", rule.protocol);
  section.text("station", rule.station);
  if (rule.description.empty() && rule.protocol.empty() && rule.station.empty())
    section.problem("description", "is missing: a rule needs a description, a protocol or a station");
  if (!section.has("sequence"))
    section.problem("sequence", "is missing: say which sequence such a series is, or none");
  std::vector<std::pair<std::string, std::optional<models::Slot>>> sequences{{"none", std::nullopt}};
  for (const models::Slot slot : models::all_slots) sequences.emplace_back(models::id(slot), slot);
  section.choice("sequence", rule.slot, sequences);
  section.finish();
}

void read_study(ConfigSection section, StudyConfig& study) {
  section.duration("quiet_time_s", study.quiet_time, 1, 3600);
  section.flag("require_post_gd_t1", study.require_post_gd_t1);
  std::vector<std::pair<std::string, models::Slot>> slots;
  slots.reserve(models::slot_count);
  for (const models::Slot slot : models::all_slots) slots.emplace_back(models::id(slot), slot);
  section.choices("required_sequences", study.required_sequences, slots);
  if (const auto confidence = section.real_number("minimum_match_confidence", 0, 1)) {
    study.minimum_match_confidence = *confidence;
  }
  section.flag("follow_up", study.follow_up);
  for (ConfigSection& rule : section.sections("series_rules"))
    read_series_rule(rule, study.series_rules.emplace_back());
  section.finish();
}

void read_model(ConfigSection section, ModelConfig& model) {
  std::filesystem::path directory;
  read_path(section, "directory", directory);
  if (!directory.empty()) model.directory = directory;
  section.flag("allow_torchscript", model.allow_torchscript);
  model.rule.threshold =
      section.real_number("threshold", models::smallest_threshold, models::largest_threshold);
  model.rule.minimum_peak = section.real_number("minimum_peak", 0, 1);
  model.rule.minimum_roundness = section.real_number("minimum_roundness", 0, 1);
  model.rule.minimum_volume_mm3 = section.real_number("minimum_volume_mm3", 0, 1000);
  section.finish();
}

void read_workers(ConfigSection section, WorkerConfig& workers) {
  section.whole("count", workers.count, 1, 64);
  section.text("device", workers.device);
  if (!is_device(workers.device))
    section.problem("device", "must be cpu, cuda or cuda:N, is '" + workers.device + "'");
  section.whole("threads", workers.threads, 0, 256);
  section.duration("stop_grace_s", workers.stop_grace, 0, 3600);
  section.finish();
}

void read_storage(ConfigSection section, StorageConfig& storage) {
  std::string directory = storage.directory;
  section.text("directory", directory);
  storage.directory = directory;
  if (!storage.directory.is_absolute())
    section.problem("directory", "must be an absolute path, is '" + directory + "'");
  if (const auto mib = section.whole_number("min_free_mib", 16, 1 << 30)) {
    storage.min_free_bytes = static_cast<std::uint64_t>(*mib) << 20;
  }
  if (const auto mib = section.whole_number("journal_mib", 16, 16384)) {
    storage.journal.segment_bytes = (static_cast<std::uint64_t>(*mib) << 20) / storage.journal.segments;
  }
  if (const auto days = section.whole_number("retention_days", 1, 3650)) {
    storage.retention = std::chrono::hours(24 * *days);
  }
  section.finish();
}

void read_http(ConfigSection section, HttpConfig& http) {
  read_bind_address(section, http.bind_address);
  section.whole("port", http.port, 0, 65535);
  read_path(section, "token_file", http.token_file);
  const bool loopback = http.bind_address.starts_with("127.") || http.bind_address == "::1";
  if (!loopback && http.token_file.empty() && is_address(http.bind_address))
    section.problem("token_file", "is missing: it must be given where others than this machine can ask");
  section.finish();
}

void read_identity(ConfigSection section, IdentityConfig& identity) {
  section.text("uid_root", identity.uid_root);
  if (!is_uid_root(identity.uid_root)) {
    section.problem(
        "uid_root",
        "must be a UID root: at most 40 digits and dots, first 0, 1 or 2, then after 0 and 1 a number "
        "below 40, no leading zeros, no trailing dot; is '" +
            identity.uid_root + "'");
  }
  section.whole("series_number_offset", identity.series_number_offset, 1, 99990);
  section.finish();
}

void read_results(ConfigSection section, ResultConfig& results) {
  section.flag("all_frames", results.all_frames);
  section.finish();
}

void read_log(ConfigSection section, LogConfig& log) {
  section.choice<LogLevel>("level", log.level,
                           {{"debug", LogLevel::debug},
                            {"info", LogLevel::info},
                            {"warning", LogLevel::warning},
                            {"error", LogLevel::error}});
  section.choice<LogFormat>("format", log.format, {{"text", LogFormat::text}, {"json", LogFormat::json}});
  std::filesystem::path file;
  read_path(section, "file", file);
  if (!file.empty()) log.file = file;
  section.finish();
}

void read_audit(ConfigSection section, AuditConfig& audit) {
  std::filesystem::path file;
  read_path(section, "file", file);
  if (!file.empty()) audit.file = file;
  section.finish();
}

void read_all(const YAML::Node& root, Config& config, Problems& problems) {
  ConfigSection top(root, "", problems);
  read_dicom(top.section("dicom"), config.dicom, config.tls);
  read_study(top.section("study"), config.study);
  read_model(top.section("model"), config.model);
  read_workers(top.section("workers"), config.workers);
  read_storage(top.section("storage"), config.storage);
  read_destinations(top.sections("destinations"), config.destinations);
  read_http(top.section("http"), config.http);
  read_identity(top.section("identity"), config.identity);
  read_results(top.section("results"), config.results);
  read_log(top.section("log"), config.log);
  read_audit(top.section("audit"), config.audit);
  top.finish();
}

}  // namespace

bool is_ae_title(const std::string& title) {
  if (title.empty() || title.size() > 16 || title.front() == ' ' || title.back() == ' ') return false;
  return std::all_of(title.begin(), title.end(), [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
}

Config parse_config(const std::string& text, const std::string& name) {
  Config config;
  read_yaml(text, name,
            [&](const YAML::Node& root, Problems& problems) { read_all(root, config, problems); });
  return config;
}

Config load_config(const std::filesystem::path& file) {
  return parse_config(text_of(file), file.string());
}

}  // namespace metserve::server
